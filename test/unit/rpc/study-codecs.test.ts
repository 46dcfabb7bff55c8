import fc from "fast-check";
import { expect, test } from "vitest";
import type { SearchParameters } from "../../../services/pipeline/search.ts";
import { type Study, TRIAL_STATES, type Trial } from "../../../services/pipeline/study.ts";
import { decodeStudy, decodeTrial, encodeStudy, encodeTrial } from "../../../services/rpc/codecs/study.ts";
import { loadProtos } from "../../../services/rpc/loader.ts";

const { GetStudy, RunTrial } = loadProtos().Tuning.service;
const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const text = fc.string({ maxLength: 20 });
const optional = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });
const error = optional(fc.record({ code: fc.constantFrom("not-found" as const, "internal" as const), message: text }));
const parameters = fc.dictionary(
  fc.constantFrom("optimizer.learning_rate", "model.hidden", "steps", "schedule.decay", "optimizer"),
  fc.oneof(finite, text, fc.boolean(), fc.array(fc.nat()), fc.dictionary(fc.constantFrom("name", "beta1"), finite)),
  { noNullPrototype: true },
) as fc.Arbitrary<SearchParameters>;

const trials: fc.Arbitrary<Trial> = fc.record({
  trial: count,
  state: fc.constantFrom(...TRIAL_STATES),
  parameters,
  value: optional(finite),
  steps: count,
  planned: count,
  seconds: finite,
  measured: fc.array(fc.record({ step: count, value: finite }), { maxLength: 3 }),
  error,
  external: fc.boolean(),
});

const studies: fc.Arbitrary<Study> = fc.record({
  id: text,
  component: text,
  state: fc.constantFrom("waiting", "running", "complete", "stopped", "failed"),
  wanted: count,
  parallel: count,
  trials: fc.array(trials, { maxLength: 3 }),
  upstream: fc.dictionary(fc.constantFrom("m0", "m1"), count, { noNullPrototype: true }),
  rows: optional(fc.record({ fit: count, validation: count })),
  waitingFor: optional(text),
  error,
  teamFile: text,
  startedAt: text,
  finishedAt: optional(text),
});

test("studies and trials come back from the wire as they were, bit for bit", () => {
  fc.assert(
    fc.property(studies, (study) => {
      const bytes = GetStudy.responseSerialize(encodeStudy(study));
      expect(decodeStudy(GetStudy.responseDeserialize(bytes))).toEqual(study);
    }),
  );
  fc.assert(
    fc.property(trials, (trial) => {
      const bytes = RunTrial.responseSerialize(encodeTrial(trial));
      expect(decodeTrial(RunTrial.responseDeserialize(bytes))).toEqual(trial);
    }),
  );
});

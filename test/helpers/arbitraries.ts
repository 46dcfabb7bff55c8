import fc from "fast-check";
import type { ErrorCode } from "../../services/common/errors.ts";
import type { ColumnProfile } from "../../services/pipeline/column-profile.ts";
import { ADAPTER_SKIPS, type InterfaceShift } from "../../services/pipeline/interface-shift.ts";
import type { Provenance, SnapshotManifest, TensorSpec } from "../../services/pipeline/manifest.ts";
import { type JudgedTest, TEST_KINDS, type TrainedTest } from "../../services/pipeline/model-test.ts";
import type { PredictionColumn, PredictionInputs } from "../../services/pipeline/prediction.ts";
import { RUN_TRIGGERS, type Run } from "../../services/pipeline/run.ts";
import type { OptimizerSpec, ProtocolSpec } from "../../services/pipeline/team.ts";
import {
  type ConsistencyGap,
  INCONCLUSIVE_REASONS,
  type ObjectiveDifference,
  type PairedComparison,
  QUARANTINE_REASONS,
  type Quarantine,
  type SliceDifference,
  VERDICT_KINDS,
  type Verdict,
} from "../../services/pipeline/verdict.ts";

export const name = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
export const text = fc.string({ maxLength: 20, unit: "grapheme" });
export const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
export const count = fc.nat(2 ** 31 - 1);
export const serial = fc.integer({ min: 1, max: 2 ** 31 - 1 });
export const time = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
/** `__proto__` cannot be a key of a plain object, and so neither a component nor a column. */
const key = name.filter((it) => it !== "__proto__");
export const dictionary = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });

export const errorCodes: readonly ErrorCode[] = [
  "invalid-argument",
  "not-found",
  "conflict",
  "failed-precondition",
  "resource-exhausted",
  "cancelled",
  "deadline-exceeded",
  "unavailable",
  "data-loss",
  "internal",
  "deleted",
  "unauthenticated",
];

export const protocols: fc.Arbitrary<ProtocolSpec> = fc.record({
  name,
  parameters: dictionary<number | string>(fc.oneof(finite, text)),
});

export const runs: fc.Arbitrary<Run> = fc.record({
  id: name,
  component: name,
  state: fc.constantFrom("queued", "waiting", "running", "publishing", "succeeded", "failed", "cancelled"),
  trigger: fc.constantFrom(...RUN_TRIGGERS),
  protocol: protocols,
  step: count,
  steps: count,
  loss: fc.option(finite),
  learningRate: fc.option(finite),
  stepsPerSecond: fc.option(finite),
  etaSeconds: fc.option(finite),
  upstream: dictionary(serial),
  snapshot: fc.option(serial),
  waitingFor: fc.option(text),
  error: fc.option(fc.record({ code: fc.constantFrom(...errorCodes), message: text })),
  warnings: fc.array(text, { maxLength: 3 }),
  queuedAt: time,
  startedAt: fc.option(time),
  finishedAt: fc.option(time),
});

const tensors: fc.Arbitrary<TensorSpec> = fc.record({
  name,
  kind: fc.constantFrom("numeric", "categorical"),
  width: serial,
});

const optimizers: fc.Arbitrary<OptimizerSpec> = fc.oneof(
  fc.record({ name: fc.constant("sgd" as const), learningRate: finite }),
  fc.record({ name: fc.constant("momentum" as const), learningRate: finite, momentum: finite }),
  fc.record({
    name: fc.constant("adam" as const),
    learningRate: finite,
    beta1: finite,
    beta2: finite,
    epsilon: finite,
  }),
);

/** A JSON value of any kind, as a newer version may put it into a document. */
const json: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, [], {}, [{ from: 0, members: ["a", null] }], { nested: { deeply: [1, [2]] } }),
  text,
  finite,
);
/** Fields that this version does not know, beside those that it does. */
const later = fc.dictionary(fc.constantFrom("laterA", "later-b", "later.c", "constructor"), json, {
  maxKeys: 2,
  noNullPrototype: true,
});
export const withLater = <T extends object>(known: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.tuple(known, later).map(([fields, more]) => ({ ...more, ...fields }));

const profiles: fc.Arbitrary<ColumnProfile> = withLater(
  fc.record({
    name,
    coordinates: fc.array(
      withLater(
        fc.record(
          {
            edges: fc.array(finite, { maxLength: 2 }),
            range: fc.tuple(finite, finite),
            values: fc.array(text, { maxLength: 2 }),
            shares: fc.array(finite, { maxLength: 3 }),
          },
          { requiredKeys: ["shares"] },
        ),
      ),
      { maxLength: 2 },
    ),
  }),
);

const requiredOfTest = {
  name,
  kind: fc.oneof(fc.constantFrom(...TEST_KINDS), name),
  onFailure: fc.oneof(fc.constantFrom("warn", "refuse"), name),
  rows: count,
  violations: count,
  worst: fc.option(finite),
  passed: fc.boolean(),
};
const optionalOfTest = { skipped: text, examples: fc.array(text, { maxLength: 3 }) };

const trainedTests: fc.Arbitrary<TrainedTest> = withLater(
  fc.record(
    { ...requiredOfTest, ...optionalOfTest, spec: fc.dictionary(key, json, { maxKeys: 3, noNullPrototype: true }) },
    { requiredKeys: [...(Object.keys(requiredOfTest) as (keyof typeof requiredOfTest)[]), "spec"] },
  ),
);

const judgedTests: fc.Arbitrary<JudgedTest> = withLater(
  fc.record(
    {
      ...requiredOfTest,
      ...optionalOfTest,
      component: name,
      scope: fc.oneof(fc.constantFrom("component", "pipeline"), name),
      failedBefore: fc.boolean(),
    },
    { requiredKeys: [...(Object.keys(requiredOfTest) as (keyof typeof requiredOfTest)[]), "component", "scope"] },
  ),
);
const origins = withLater(fc.record({ pipeline: name, component: name, serial }));

const provenances: fc.Arbitrary<Provenance> = withLater(
  fc.record(
    {
      opset: serial,
      model: text,
      protocol: protocols,
      optimizer: withLater(optimizers),
      schedule: fc.record({ warmup: count, decay: fc.oneof(fc.constantFrom("constant", "cosine"), text) }),
      batch: count,
      steps: count,
      seed: count,
      upstream: dictionary(serial),
      counterfactual: text,
      data: withLater(
        fc.record(
          { fingerprint: text, rows: count, columns: fc.array(profiles, { maxLength: 2 }) },
          { requiredKeys: ["fingerprint", "rows"] },
        ),
      ),
      trainingLoss: finite,
      engine: text,
      numerics: text,
      workers: withLater(
        fc.record({
          slots: serial,
          syncEvery: serial,
          audit: fc.constantFrom(0, 0.01, 1),
          numerics: fc.constantFrom("exact", "tolerant"),
        }),
      ),
      groups: fc.record({ column: text, count }),
      origin: origins,
      producer: fc.record({ name, version: text }, { requiredKeys: ["name"] }),
      tests: fc.array(trainedTests, { maxLength: 2 }),
      codeVersion: text,
      startedAt: time,
      finishedAt: time,
    },
    { requiredKeys: [] },
  ),
);

export const digests = fc.stringMatching(/^[0-9a-f]{64}$/);

export const manifests: fc.Arbitrary<SnapshotManifest> = fc.record({
  version: fc.constant(2 as const),
  serial,
  parent: fc.option(serial),
  digest: digests,
  size: count,
  publishedAt: time,
  pipeline: name,
  component: name,
  runId: name,
  contract: fc.record({ inputs: fc.array(tensors, { maxLength: 3 }), output: tensors }),
  pipelineDigest: fc.option(digests),
  provenance: provenances,
});

const intervals = fc.tuple(finite, finite);

const kinds = fc.oneof(fc.constantFrom(...VERDICT_KINDS), name);

const reasons = fc.oneof(fc.constantFrom(...INCONCLUSIVE_REASONS), name);

const levels = fc.constantFrom(0.9, 0.95, 0.99, 0.995);

const slices: fc.Arbitrary<SliceDifference> = withLater(
  fc.record(
    {
      column: name,
      value: text,
      rows: count,
      kind: kinds,
      reason: reasons,
      difference: finite,
      relative: fc.option(finite),
      interval: intervals,
      level: levels,
    },
    { requiredKeys: ["column", "value", "rows", "kind", "difference", "relative", "interval"] },
  ),
);

const flips = withLater(fc.record({ count, rate: finite, interval: intervals }));

const objectives: fc.Arbitrary<ObjectiveDifference> = withLater(
  fc.record(
    {
      component: name,
      weight: fc.double({ min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true }),
      currentLoss: finite,
      candidateLoss: finite,
      kind: kinds,
      reason: reasons,
      difference: finite,
      relative: fc.option(finite),
      interval: intervals,
      level: levels,
      negativeFlips: flips,
    },
    {
      requiredKeys: [
        "component",
        "weight",
        "currentLoss",
        "candidateLoss",
        "kind",
        "difference",
        "relative",
        "interval",
        "level",
      ],
    },
  ),
);

const requiredOfComparison = {
  current: dictionary(serial),
  candidate: dictionary(serial),
  currentLoss: finite,
  candidateLoss: finite,
  difference: finite,
  interval: intervals,
  kind: kinds,
};
const optionalOfComparison = {
  reason: reasons,
  method: name,
  level: levels,
  bound: finite,
  skewness: finite,
  detectable: finite,
  rowsNeeded: fc.option(finite),
  harm: withLater(fc.record({ harm: finite, gain: finite, worst: finite })),
  negativeFlips: flips,
  objectives: fc.array(objectives, { maxLength: 2 }),
  slices: fc.array(slices, { maxLength: 2 }),
  worstSlice: slices,
};

const comparisons: fc.Arbitrary<PairedComparison> = withLater(
  fc.record(
    { ...requiredOfComparison, ...optionalOfComparison },
    { requiredKeys: Object.keys(requiredOfComparison) as (keyof typeof requiredOfComparison)[] },
  ),
);

const interfaceShifts: fc.Arbitrary<InterfaceShift> = withLater(
  fc.record(
    {
      shift: finite,
      outside: withLater(fc.record({ current: finite, candidate: finite })),
      coordinates: fc.array(withLater(fc.record({ index: count, shift: finite, outside: finite })), { maxLength: 2 }),
      adapter: withLater(
        fc.record({
          loss: finite,
          difference: finite,
          interval: intervals,
          recovered: finite,
          explains: fc.oneof(fc.constantFrom("convention", "content", "undecided"), name),
        }),
      ),
      adapterSkipped: fc.oneof(fc.constantFrom(...ADAPTER_SKIPS), name),
    },
    { requiredKeys: ["shift", "outside", "coordinates"] },
  ),
);
const requiredOfGap = {
  upstream: name,
  downstream: name,
  kind: kinds,
  currentLoss: finite,
  gap: finite,
  relative: fc.option(finite),
  interval: intervals,
};

export const gaps: fc.Arbitrary<ConsistencyGap> = fc.record(
  { ...requiredOfGap, reason: reasons, labels: fc.constant(true as const) },
  { requiredKeys: Object.keys(requiredOfGap) as (keyof typeof requiredOfGap)[] },
);
const someGaps = fc.array(withLater(gaps), { maxLength: 2 });

const requiredOfVerdict = {
  version: fc.constant(2 as const),
  pipeline: name,
  component: name,
  serial,
  kind: kinds,
  componentLoss: withLater(fc.record({ current: fc.option(finite), candidate: fc.option(finite) })),
  componentInterval: fc.option(intervals),
  comparison: fc.option(comparisons),
  alternatives: fc.array(comparisons, { maxLength: 3 }),
  method: name,
  level: levels,
  rows: count,
  pipelineDigest: fc.option(digests),
  evaluator: text,
  seconds: finite,
  judgedAt: time,
};
const optionalOfVerdict = {
  reason: reasons,
  groups: count,
  interfaceShift: interfaceShifts,
  heldOut: withLater(
    fc.record(
      { fingerprint: name, generation: serial, question: serial, horizon: serial },
      { requiredKeys: ["fingerprint", "generation"] },
    ),
  ),
  release: serial,
  tests: fc.array(judgedTests, { maxLength: 2 }),
  origin: origins,
  consistency: withLater(
    fc.record({ rows: count, current: someGaps, candidate: someGaps }, { requiredKeys: ["rows", "candidate"] }),
  ),
};

export const verdicts: fc.Arbitrary<Verdict> = withLater(
  fc.record(
    { ...requiredOfVerdict, ...optionalOfVerdict },
    { requiredKeys: Object.keys(requiredOfVerdict) as (keyof typeof requiredOfVerdict)[] },
  ),
);

export const quarantines: fc.Arbitrary<Quarantine> = withLater(
  fc.record({
    version: fc.constant(1 as const),
    pipeline: name,
    component: name,
    serial,
    reason: fc.oneof(fc.constantFrom(...QUARANTINE_REASONS), name),
    detail: text,
    evaluator: text,
    judgedAt: time,
  }),
);

export const predictionInputs: fc.Arbitrary<PredictionInputs> = fc.nat(5).chain((rows) => {
  const numeric: fc.Arbitrary<PredictionColumn> = fc
    .integer({ min: 1, max: 3 })
    .chain((width) =>
      fc
        .float32Array({ minLength: rows * width, maxLength: rows * width })
        .map((values) => ({ kind: "numeric" as const, width, values: Float32Array.from(values) })),
    );
  const categorical: fc.Arbitrary<PredictionColumn> = fc
    .array(text, { minLength: rows, maxLength: rows })
    .map((values) => ({ kind: "categorical" as const, values }));
  return dictionary(fc.oneof(numeric, categorical)).map((columns) => ({ rows, columns }));
});

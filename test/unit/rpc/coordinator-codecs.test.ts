import type { MethodDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeJoin, decodeJoined, encodeJoin, encodeJoined } from "../../../services/rpc/codecs/joining.ts";
import { decodeLease, decodeResult, encodeLease, encodeResult, fates } from "../../../services/rpc/codecs/unit.ts";
import { decodeBeat, decodeWorkers, encodeBeat, encodeWorkers } from "../../../services/rpc/codecs/worker.ts";
import { loadProtos } from "../../../services/rpc/loader.ts";
import type {
  CoordinatorService,
  JoinedWorker,
  JoiningWorker,
  RefusedWorker,
  SubmittedUnit,
  UnitFate,
  UnitLease,
  WorkerBeat,
  WorkerStatus,
} from "../../../services/rpc/services/coordinator-service.ts";
import { errorCodes } from "../../helpers/arbitraries.ts";

const Coordinator = loadProtos().Coordinator.service;
/** To the bytes of the wire and back. */
const overResponse = <S, O>(method: MethodDefinition<object, S, object, O>, message: S): O =>
  method.responseDeserialize(method.responseSerialize(message));
const overRequest = <Q, O>(method: MethodDefinition<Q, object, O, object>, message: Q): O =>
  method.requestDeserialize(method.requestSerialize(message));

const label = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter(({ length }) => length <= 255);
const key = label.filter((it) => it !== "__proto__");
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const positive = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const seconds = fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs);

const joining: fc.Arbitrary<JoiningWorker> = fc.record(
  {
    pipeline: label,
    component: label,
    name: label,
    host: label,
    pid: uint32,
    codeVersion: label,
    engines: fc.array(fc.record({ engine: label, numerics: label }), { minLength: 1, maxLength: 4 }),
    parallel: positive,
  },
  { requiredKeys: ["name", "host", "pid", "codeVersion", "engines", "parallel"] },
);
const joined: fc.Arbitrary<JoinedWorker> = fc.record({
  worker: label,
  incarnation: fc.maxSafeNat(),
  pipeline: label,
  component: label,
  beatMs: positive,
  silenceMs: positive,
});
const refused: fc.Arbitrary<RefusedWorker> = fc.record({
  refusal: fc.constantFrom("pipeline", "component", "version", "quarantined", "no-workers"),
  reason: fc.string(),
});
const leases: fc.Arbitrary<UnitLease> = fc
  .record({
    first: fc.nat(10_000),
    count: fc.integer({ min: 1, max: 10_000 }),
    later: fc.nat(10_000),
    lease: label,
    job: hex,
    slot: uint32,
    base: hex,
    engine: label,
    work: fc.record({
      program: hex,
      columns: fc.dictionary(key, hex, { maxKeys: 4, noNullPrototype: true }),
      rows: positive,
      schedule: fc.record({ warmup: uint32, decay: fc.constantFrom("constant", "cosine") }),
      learningRate: fc.double({ min: Number.MIN_VALUE, max: 1e6, noNaN: true }),
      seed: fc.maxSafeNat(),
    }),
  })
  .map(({ later, work, ...lease }) => ({ ...lease, work: { ...work, steps: lease.first + lease.count + later } }));
const results: fc.Arbitrary<SubmittedUnit> = fc
  .record({
    worker: label,
    lease: label,
    job: hex,
    slot: uint32,
    first: uint32,
    losses: fc.float32Array({ minLength: 1, maxLength: 9 }),
    base: hex,
    seconds,
    digest: hex,
    size: fc.maxSafeNat(),
    error: fc.option(fc.record({ code: fc.constantFrom(...errorCodes), message: fc.string() })),
  })
  .map(({ losses, digest, size, error, ...unit }) => ({
    ...unit,
    count: losses.length,
    outcome: error === null ? { digest, size, losses } : { error },
  }));
const beats: fc.Arbitrary<WorkerBeat> = fc.record({
  worker: label,
  units: fc.array(fc.record({ lease: label, work: fc.maxSafeNat() }), { maxLength: 4 }),
});
const statuses: fc.Arbitrary<WorkerStatus> = fc.record({
  worker: label,
  name: label,
  host: label,
  pid: uint32,
  engine: label,
  numerics: label,
  unitsDone: uint32,
  unitsRunning: uint32,
  stepsPerSecond: fc.option(seconds),
  lagSeconds: fc.option(seconds),
  beatSeconds: seconds,
  quarantined: fc.boolean(),
});

const overJoin = (worker: JoiningWorker) => decodeJoin(overRequest(Coordinator.Join, encodeJoin(worker)));
const overJoined = (answer: JoinedWorker | RefusedWorker) =>
  decodeJoined(overResponse(Coordinator.Join, encodeJoined(answer)));
const overLease = (lease: UnitLease) => {
  const message = overResponse(Coordinator.Lease, { lease: encodeLease(lease) });
  if (message.lease === null) throw new Error("no lease");
  return decodeLease(message.lease);
};
const overSubmit = (unit: SubmittedUnit) => {
  const { result } = overRequest(Coordinator.Submit, { result: encodeResult(unit) });
  if (result === undefined || result === null) throw new Error("no result");
  return decodeResult(result);
};
const overBeat = (beat: WorkerBeat) => decodeBeat(overRequest(Coordinator.Beat, encodeBeat(beat)));

function comesBack<T>(arbitrary: fc.Arbitrary<T>, over: (value: T) => T): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      expect(over(value)).toEqual(value);
    }),
  );
}

describe("what goes over the wire comes back as it was", () => {
  test("workers that join, and the answers", () => {
    comesBack(joining, overJoin);
    comesBack(fc.oneof(joined, refused), overJoined);
  });

  test("leases", () => {
    comesBack(leases, overLease);
  });

  test("results and errors, losses bit for bit", () => {
    comesBack(results, overSubmit);
  });

  test("fates, beats and lists of workers", () => {
    const all: readonly UnitFate[] = ["applied", "duplicate", "stale", "refused"];
    for (const fate of all) {
      const message = overResponse(Coordinator.Submit, { fate: fates.encode(fate), reason: "" });
      expect(fates.decode(message.fate)).toBe(fate);
    }
    comesBack(beats, overBeat);
    const lists = fc.record({ workers: fc.array(statuses, { maxLength: 3 }), waiting: uint32 });
    comesBack<Awaited<ReturnType<CoordinatorService["listWorkers"]>>>(lists, (present) =>
      decodeWorkers(overResponse(Coordinator.ListWorkers, encodeWorkers(present))),
    );
  });
});

const [worker] = fc.sample(joining, { numRuns: 1, seed: 7 }) as [JoiningWorker];
const [lease] = fc.sample(leases, { numRuns: 1, seed: 7 }) as [UnitLease];
const unit: SubmittedUnit = {
  worker: "w1",
  lease: "l1",
  job: "a".repeat(64),
  slot: 0,
  first: 0,
  count: 2,
  base: "b".repeat(64),
  seconds: 1,
  outcome: { digest: "c".repeat(64), size: 8, losses: Float32Array.of(1, 2) },
};

describe("a request is refused if", () => {
  test.each<[string, () => unknown, string]>([
    ["a worker has no name", () => overJoin({ ...worker, name: "" }), "name must have 1 to 255 characters, not 0"],
    ["a host name is too long", () => overJoin({ ...worker, host: "x".repeat(256) }), "host must have 1 to 255"],
    ["a worker has no engine", () => overJoin({ ...worker, engines: [] }), "number of engines must be at least 1"],
    ["a worker runs nothing", () => overJoin({ ...worker, parallel: 0 }), "parallel must be at least 1, not 0"],
    ["a component is empty", () => overJoin({ ...worker, component: "" }), "component must have 1 to 255"],
    [
      "a digest is too short",
      () => overSubmit({ ...unit, job: "abc" }),
      'job must have 64 lower-case hex digits, not "abc"',
    ],
    ["a digest has capitals", () => overSubmit({ ...unit, base: "B".repeat(64) }), "base must have 64 lower-case"],
    ["a result has no steps", () => overSubmit({ ...unit, count: 0 }), "count must be at least 1, not 0"],
    ["a loss is missing", () => overSubmit({ ...unit, count: 3 }), "losses: 8 bytes where 3 float32"],
    ["time ran backward", () => overSubmit({ ...unit, seconds: -1 }), "seconds must be at least 0, not -1"],
    ["time is NaN", () => overSubmit({ ...unit, seconds: Number.NaN }), "seconds must be at least 0, not NaN"],
    ["a beat has no worker", () => overBeat({ worker: "", units: [] }), "worker must have 1 to 255 characters"],
    [
      "work is beyond 2^53",
      () => decodeBeat({ worker: "w1", units: [{ lease: "l1", work: "9007199254740993" }] }),
      "work 9007199254740993 is out of range",
    ],
  ])("%s", (_what, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({ code: "invalid-argument", message: expect.stringContaining(message) }),
    );
  });
});

describe("a response is refused if", () => {
  const work = { ...lease.work, steps: 10 };
  const short = { ...lease, work, first: 8, count: 2 };
  test.each<[string, () => unknown, string]>([
    [
      "a unit ends after its job",
      () => overLease({ ...short, count: 3 }),
      "3 steps from step 8 on, but the job has 10",
    ],
    ["a job has no rows", () => overLease({ ...short, work: { ...work, rows: 0 } }), "rows must be at least 1"],
    [
      "a learning rate is not a number",
      () => overLease({ ...short, work: { ...work, learningRate: Number.NaN } }),
      "learning_rate must be above 0",
    ],
    [
      "a column has no digest",
      () => overLease({ ...short, work: { ...work, columns: { x: "" } } }),
      "column x must have 64 lower-case hex digits",
    ],
    [
      "a decay is not known",
      () => decodeLease({ ...encodedLease(), work: { ...encodedLease().work, decay: "linear" } as never }),
      "decay linear is not known to this version",
    ],
    ["a lease has no work", () => decodeLease({ ...encodedLease(), work: null }), "the lease has no work"],
    [
      "a refusal is not known",
      () => decodeJoined({ ...overResponse(Coordinator.Join, {}), refusal: 99 as never }),
      "refusal 99 is not known",
    ],
    ["a worker gets no name", () => decodeJoined(overResponse(Coordinator.Join, {})), "worker must have 1 to 255"],
    ["a fate is not known", () => fates.decode("UNIT_FATE_UNSPECIFIED"), "fate UNIT_FATE_UNSPECIFIED is not known"],
  ])("%s", (_what, call, message) => {
    expect(call).toThrow(expect.objectContaining({ code: "data-loss", message: expect.stringContaining(message) }));
  });

  function encodedLease() {
    const message = overResponse(Coordinator.Lease, { lease: encodeLease(short) });
    if (message.lease === null) throw new Error("no lease");
    return message.lease;
  }
});

describe("what does not fit the wire is not sent", () => {
  test.each<[string, () => unknown]>([
    ["a negative seed", () => encodeLease({ ...lease, work: { ...lease.work, seed: -1 } })],
    ["half a step", () => encodeLease({ ...lease, first: 0.5 })],
    [
      "a size beyond 2^53",
      () => encodeResult({ ...unit, outcome: { ...(unit.outcome as object), size: 2 ** 53 } as never }),
    ],
    ["work that is NaN", () => encodeBeat({ worker: "w1", units: [{ lease: "l1", work: Number.NaN }] })],
  ])("%s", (_what, call) => {
    expect(call).toThrow(
      expect.objectContaining({ code: "internal", message: expect.stringContaining("does not fit") }),
    );
  });
});

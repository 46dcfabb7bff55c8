import fc from "fast-check";
import type { ErrorCode } from "../../services/common/errors.ts";
import type { SnapshotManifest, TensorSpec } from "../../services/pipeline/manifest.ts";
import type { PredictionColumn, PredictionInputs } from "../../services/pipeline/prediction.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { OptimizerSpec, ProtocolSpec } from "../../services/pipeline/team.ts";
import {
  type PairedComparison,
  QUARANTINE_REASONS,
  type Quarantine,
  VERDICT_KINDS,
  type Verdict,
} from "../../services/pipeline/verdict.ts";

const name = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
const text = fc.string({ maxLength: 20, unit: "grapheme" });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const count = fc.nat(2 ** 31 - 1);
const serial = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const time = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
/** `__proto__` cannot be a key of a plain object, and so neither a component nor a column. */
const key = name.filter((it) => it !== "__proto__");
const dictionary = <T>(value: fc.Arbitrary<T>) => fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });

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
];

export const protocols: fc.Arbitrary<ProtocolSpec> = fc.record({
  name,
  parameters: dictionary<number | string>(fc.oneof(finite, text)),
});

export const runs: fc.Arbitrary<Run> = fc.record({
  id: name,
  component: name,
  state: fc.constantFrom("queued", "waiting", "running", "publishing", "succeeded", "failed", "cancelled"),
  trigger: fc.constantFrom("request", "interval", "upstream"),
  protocol: protocols,
  step: count,
  steps: count,
  loss: fc.option(finite),
  learningRate: fc.option(finite),
  stepsPerSecond: fc.option(finite),
  etaSeconds: fc.option(finite),
  upstream: dictionary(serial),
  snapshot: fc.option(serial),
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

export const manifests: fc.Arbitrary<SnapshotManifest> = fc
  .record({
    version: fc.constant(1 as const),
    serial,
    parent: fc.option(serial),
    digest: fc.stringMatching(/^[0-9a-f]{64}$/),
    size: count,
    pipeline: name,
    component: name,
    runId: name,
    inputs: fc.array(tensors, { maxLength: 3 }),
    output: tensors,
    opset: serial,
    model: text,
    protocol: protocols,
    optimiser: optimizers,
    schedule: fc.record({ warmup: count, decay: fc.constantFrom("constant" as const, "cosine" as const) }),
    batch: count,
    steps: count,
    seed: count,
    upstream: dictionary(serial),
    data: fc.record({ fingerprint: text, rows: count }),
    trainingLoss: finite,
    engine: text,
    codeVersion: text,
    startedAt: time,
    finishedAt: time,
  })
  .chain((manifest) =>
    fc.oneof(
      fc.constant(manifest),
      text.map((counterfactual) => ({ ...manifest, counterfactual })),
    ),
  );

const intervals = fc.tuple(finite, finite);

const comparisons: fc.Arbitrary<PairedComparison> = fc.record({
  current: dictionary(serial),
  candidate: dictionary(serial),
  currentLoss: finite,
  candidateLoss: finite,
  difference: finite,
  interval: intervals,
  kind: fc.constantFrom(...VERDICT_KINDS),
});

export const verdicts: fc.Arbitrary<Verdict> = fc
  .record({
    version: fc.constant(1 as const),
    pipeline: name,
    component: name,
    serial,
    kind: fc.constantFrom(...VERDICT_KINDS),
    componentLoss: fc.record({ current: fc.option(finite), candidate: fc.option(finite) }),
    componentInterval: fc.option(intervals),
    comparison: fc.option(comparisons),
    alternatives: fc.array(comparisons, { maxLength: 3 }),
    rows: count,
    evaluator: text,
    seconds: finite,
    judgedAt: time,
  })
  .chain((verdict) => fc.constantFrom(verdict, { ...verdict, reason: "incomplete-pipeline" as const }));

export const quarantines: fc.Arbitrary<Quarantine> = fc.record({
  version: fc.constant(1 as const),
  pipeline: name,
  component: name,
  serial,
  reason: fc.constantFrom(...QUARANTINE_REASONS),
  detail: text,
  evaluator: text,
  judgedAt: time,
});

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

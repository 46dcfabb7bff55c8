import { createHash } from "node:crypto";
import type * as tf from "@tensorflow/tfjs";
import type { StoredTable } from "../../services/data/spill/stored-table.ts";
import { createSyntheticSource } from "../../services/data/synthetic/synthetic-source.ts";
import type { NumericColumn, Table } from "../../services/data/table/table.ts";
import { trainerData } from "../../services/data/visibility.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import type { TrainingState } from "../../services/engine/interface/program.ts";
import { trainComponent } from "../../services/learning/component/train-component.ts";
import type { ComponentTraining } from "../../services/learning/component/training-backend.ts";
import { counterfactualSourceNames } from "../../services/learning/counterfactual/source-names.ts";
import type { UserModelModule } from "../../services/learning/programs/user-model.ts";
import { findProtocol, protocols } from "../../services/learning/protocols/all.ts";
import type { ProtocolParameters } from "../../services/learning/protocols/protocol.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import { runTraining } from "../../services/learning/training/run-training.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../services/learning/training/training-progress.ts";
import type { UnitRunner } from "../../services/learning/units/unit.ts";
import type { Pipeline, SyntheticSource } from "../../services/pipeline/pipeline.ts";
import type { OptimizerSpec, ScheduleSpec, TeamConfig } from "../../services/pipeline/team.ts";
import { PROBLEM_ROWS, protocolProgram } from "../helpers/problems.ts";

/**
 * Fixed training runs whose final state has the same bits on every machine: every protocol, and causal training with every
 * counterfactual source, in three sizes, from data and preparation to the last step. The digests of the states are in
 * weights.json, which `npm run record:digests` writes. This module and what it imports load neither ONNX Runtime nor DuckDB, so that the runs need nothing but
 * Node. The upstream and previous snapshots are formulas: real ones predict with ONNX Runtime, whose last bits depend on
 * the processor.
 */
export interface DigestRun {
  readonly name: string;
  /** Whether it is for `npm run test:slow` only: it fits helper networks, and another run fits the same ones. */
  readonly slow: boolean;
  /** Trains. @returns SHA-256 of the final weights and optimizer state, lower-case hex */
  digest(engine: Engine, how?: HowToRun): Promise<string>;
}

/** What must not change a digest. */
export interface HowToRun {
  readonly resume?: TrainingCheckpoint;
  /** Puts the training rows elsewhere. Not used by the runs on data that is prepared by hand. */
  store?(table: Table): Promise<StoredTable>;
  readonly units?: UnitRunner;
  onProgress?(progress: TrainingProgress): void | Promise<void>;
}

interface Size {
  readonly hidden: number;
  readonly rows: number;
  readonly batch: number;
  readonly steps: number;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
}

/** Widths and batches with and without a remainder by four; the last batch of an epoch spans two epochs. */
const SIZES: readonly Size[] = [
  {
    hidden: 8,
    rows: 120,
    batch: 16,
    steps: 60,
    optimizer: { name: "sgd", learningRate: 0.05 },
    schedule: { warmup: 0, decay: "constant" },
  },
  {
    hidden: 30,
    rows: 151,
    batch: 21,
    steps: 60,
    optimizer: { name: "momentum", learningRate: 0.02, momentum: 0.9 },
    schedule: { warmup: 7, decay: "cosine" },
  },
  {
    hidden: 64,
    rows: 200,
    batch: 64,
    steps: 60,
    optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    schedule: { warmup: 5, decay: "cosine" },
  },
];

const AUDITED_ROWS = 40;

interface Variant {
  readonly protocol: string;
  readonly parameters: ProtocolParameters;
}

/** Every protocol; `causal` with every source of the counterfactual output, the others with the oracle. */
const variants: readonly Variant[] = protocols.flatMap(({ name, parameters }) => {
  const defaults = Object.fromEntries(Object.entries(parameters).map(([key, range]) => [key, range.default]));
  if (parameters.source === undefined) return [{ protocol: name, parameters: defaults }];
  const sources = name === "causal" ? counterfactualSourceNames : (["oracle"] as const);
  return sources.map((source) => ({ protocol: name, parameters: { ...defaults, source } }));
});

/** Fits take seconds, on emulated processors minutes. */
function isSlow({ hidden }: Size, { protocol, parameters: { source = "oracle" } }: Variant): boolean {
  if (protocol !== "gauss-newton" && source === "oracle") return false;
  return hidden !== 30 || source === "calibration" || source === "residualized";
}

export const digestRuns: readonly DigestRun[] = [
  ...SIZES.flatMap((size) => variants.map((variant) => componentRun(size, variant))),
  ...SIZES.map((size) => moduleRun(size)),
  ...protocols
    .filter(({ name }) => name !== "gauss-newton")
    .flatMap(({ name }) => (["cross-entropy", "policy"] as const).map((loss) => lossRun(name, loss))),
];

function componentRun(size: Size, variant: Variant): DigestRun {
  const { protocol, parameters } = variant;
  const source = parameters.source === undefined ? "" : ` from ${parameters.source}`;
  return {
    name: `${protocol}${source}, ${size.hidden} units`,
    slow: isSlow(size, variant),
    digest: async (engine, how = {}) => {
      const training = await trainingOf(size, { protocol: { name: protocol, parameters } }, how);
      return finalState((more) => trainComponent({ ...training, engine, ...more }), how);
    },
  };
}

/** A user's tfjs model, with other activations, a regularizer and tfjs's initializers. */
function moduleRun(size: Size): DigestRun {
  const module: UserModelModule = {
    buildModel: (tfjs, { inputs, outputs, seed }) =>
      tfjs.sequential({
        layers: [
          tfjs.layers.dense({
            units: size.hidden,
            inputShape: [inputs],
            activation: "tanh",
            kernelInitializer: tfjs.initializers.glorotNormal({ seed }),
            kernelRegularizer: tfjs.regularizers.l2({ l2: 0.01 }),
          }),
          tfjs.layers.dense({
            units: 10,
            activation: "elu",
            kernelInitializer: tfjs.initializers.heNormal({ seed: seed + 1 }),
          }),
          tfjs.layers.dense({
            units: outputs,
            activation: "softplus",
            kernelInitializer: tfjs.initializers.orthogonal({ seed: seed + 2 }),
          }),
        ],
      }),
    loss: (tfjs, output: tf.Tensor2D, target: tf.Tensor2D) =>
      tfjs.losses.huberLoss(tfjs.sigmoid(target), output) as tf.Scalar,
  };
  return {
    name: `a user's model, ${size.hidden} units`,
    slow: false,
    digest: async (engine, how = {}) => {
      const training = await trainingOf(size, { model: { kind: "module", path: "model.ts" } }, how);
      return finalState((more) => trainComponent({ ...training, engine, ...more }, module), how);
    },
  };
}

/** The losses that the pipeline above does not have, on data that is prepared by hand. */
function lossRun(protocol: string, loss: "cross-entropy" | "policy"): DigestRun {
  return {
    name: `${protocol} with ${loss}`,
    slow: false,
    digest: (engine, how = {}) => {
      const { parameters } = variants.find((variant) => variant.protocol === protocol) as Variant;
      const { optimizer, schedule } = SIZES[2] as Size;
      const { program, data } = protocolProgram(findProtocol(protocol), parameters, loss, 3, optimizer);
      const run = { engine, program, data, rows: PROBLEM_ROWS, steps: 50, schedule, seed: 1 };
      return finalState((more) => runTraining({ ...run, ...more }), how);
    },
  };
}

/** Trains and hashes the state after the last step. */
async function finalState(train: (how: HowToRun) => Promise<unknown>, how: HowToRun): Promise<string> {
  let last: TrainingState | undefined;
  await train({
    ...how,
    onProgress: async (progress) => {
      await how.onProgress?.(progress);
      if (progress.step === progress.steps) last = (await progress.checkpoint()).state;
    },
  });
  const hash = createHash("sha256");
  for (const [name, { shape, values }] of Object.entries(last as TrainingState)) {
    hash.update(`${name} [${shape}]\n`);
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

async function trainingOf(
  size: Size,
  change: Partial<Pick<TeamConfig, "model" | "protocol">>,
  { store }: HowToRun,
): Promise<Omit<ComponentTraining, "engine">> {
  const data: SyntheticSource = {
    source: "synthetic",
    generator: "two-stage",
    seed: 11,
    rows: 2 * size.rows,
    testFraction: 0.5,
    // Matching needs rows with equal x2.
    parameters: { levels: 2 },
  };
  const pipeline: Pipeline = {
    name: "digests",
    components: [
      {
        name: "m1",
        columns: ["x1"],
        upstream: [],
        output: { name: "z", width: 3, meaning: "real" },
        loss: "mse",
        target: "z",
      },
      {
        name: "m2",
        columns: ["x2"],
        upstream: ["m1"],
        output: { name: "y", width: 1, meaning: "scalar" },
        loss: "mse",
        target: "y",
      },
    ],
    objective: "m2",
    data,
    audit: { columns: ["z"], rows: AUDITED_ROWS },
  };
  const team: TeamConfig = {
    component: "m2",
    model: { kind: "dense", hidden: [size.hidden] },
    optimizer: size.optimizer,
    batch: size.batch,
    steps: size.steps,
    schedule: size.schedule,
    protocol: { name: "async", parameters: {} },
    seed: 3,
    train: { when: "on-demand" },
    engine: "wasm",
    ...change,
  };
  const source = createSyntheticSource(data);
  const { training, audit } = await trainerData(source, pipeline, "m2");
  const oracle = source.oracle("m2");
  return {
    pipeline,
    team,
    table: (await store?.(training.table)) ?? training.table,
    upstream: { m1: formula("x1", 10, 3) },
    previous: formula("x2", 5, 1),
    ...(audit !== undefined && { audit: audit.table }),
    ...(oracle !== undefined && { oracle }),
  };
}

/** A snapshot that predicts sums of neighboring coordinates of a column. */
function formula(column: string, width: number, outputs: number): SnapshotModel {
  return {
    predict: async ({ rows, columns }) => {
      const { values } = columns[column] as NumericColumn;
      return Float32Array.from({ length: rows * outputs }, (_, at) => {
        const start = Math.floor(at / outputs) * width + (at % outputs);
        return (values[start] as number) - 0.5 * (values[start + 1] as number) + 0.25 * (values[start + 2] as number);
      });
    },
    dispose: async () => {},
  };
}

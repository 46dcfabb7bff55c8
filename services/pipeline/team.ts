import type { ModelTest } from "./model-test.ts";
import type { RowSample } from "./sample.ts";

/**
 * The decisions of a single team about its component.
 */

/** `dense`: ReLU layers of the widths `hidden`; `[]` is linear. `module`: a custom tfjs model, by absolute path. */
export type ModelSpec =
  | { readonly kind: "dense"; readonly hidden: readonly number[] }
  | { readonly kind: "module"; readonly path: string };

export type OptimizerSpec =
  | { readonly name: "sgd"; readonly learningRate: number }
  | { readonly name: "momentum"; readonly learningRate: number; readonly momentum: number }
  | {
      readonly name: "adam";
      readonly learningRate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
    };

/** Linear warmup over `warmup` steps to the optimizer's rate, then constant, or cosine decay to 0 at the last step. */
export interface ScheduleSpec {
  readonly warmup: number;
  readonly decay: "constant" | "cosine";
}

/** A protocol by name with its parameters; `learning/protocols` defines the names, parameters and ranges. */
export interface ProtocolSpec {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | string>>;
}

export type TrainWhen =
  | { readonly when: "on-demand" }
  | { readonly when: "interval"; readonly seconds: number }
  | { readonly when: "on-upstream" };

/** Execution provider of the `onnx` engine. */
export type ExecutionProvider = "cpu" | "webgpu" | "cuda";

/** `auto`, an engine, or the `onnx` engine on a named execution provider. */
export const ENGINE_CHOICES = [
  "auto",
  "wasm",
  "onnx",
  "onnx:cpu",
  "onnx:webgpu",
  "onnx:cuda",
  "tensorflow",
  "reference",
] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/**
 * How a training is divided among workers. How many there are is nowhere in it: the result depends on the slots, never on
 * who ran them.
 */
export interface WorkersSpec {
  /** Logical workers, 1 to 1,024. Each trains on batches of its own; their states are averaged. 1: as without workers. */
  readonly slots: number;
  /** Steps between averages. */
  readonly syncEvery: number;
  /** Share of the units that are run twice and compared, in [0, 1]. */
  readonly audit: number;
  /** `exact`: only workers of the numerics class that began the run. `tolerant`: any worker. */
  readonly numerics: "exact" | "tolerant";
  /** When the trainer is not of the class itself: `wait` for workers that are, or (`local`) do not begin. */
  readonly fallback: "local" | "wait";
}

export interface TeamConfig {
  readonly component: string;
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  /** Rows per step. */
  readonly batch: number;
  readonly steps: number;
  /** The training ends after this step of the schedule. Absent: after the last. */
  readonly stopAfter?: number;
  readonly schedule: ScheduleSpec;
  readonly protocol: ProtocolSpec;
  readonly seed: number;
  readonly train: TrainWhen;
  readonly engine: EngineChoice;
  /** Absent: trained in the trainer alone, as one. */
  readonly workers?: WorkersSpec;
  /** Whether a request to a trainer may name a model module of its team file's folder. Absent: no. */
  readonly remoteModules?: true;
  /** Whether a gate may move the component as part of a set. Absent: yes. */
  readonly sets?: false;
  /** Whether the trainer honors a gate's requests to train on candidates that are not released. Absent: no. */
  readonly cotrain?: true;
  /** What the component's output must be, beyond its loss. Absent: no tests. */
  readonly tests?: readonly ModelTest[];
  /** The training rows that it trains on. Absent: all. */
  readonly sample?: RowSample;
}

/** Defaults for the keys that a team file omits. The paper's experiments use the same values. */
export const DEFAULT_TEAM = {
  optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  batch: 64,
  steps: 4000,
  schedule: { warmup: 100, decay: "cosine" },
  protocol: { name: "async", parameters: {} },
  seed: 1,
  train: { when: "on-demand" },
  engine: "auto",
} as const satisfies Omit<
  TeamConfig,
  "component" | "model" | "stopAfter" | "workers" | "remoteModules" | "sets" | "cotrain" | "tests" | "sample"
>;

/** What `workers: {}` means. */
export const DEFAULT_WORKERS: WorkersSpec = {
  slots: 4,
  syncEvery: 50,
  audit: 0.01,
  numerics: "exact",
  fallback: "local",
};

/**
 * What a team alone decides about its component.
 */

/** `hidden`: widths of the ReLU layers, `[]` is linear. `module`: a user's own tfjs model, by absolute path. */
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

/** Linear warm-up over `warmup` steps to the optimizer's rate, then constant, or cosine down to 0 at the last step. */
export interface ScheduleSpec {
  readonly warmup: number;
  readonly decay: "constant" | "cosine";
}

/** A protocol by name with its parameters; `learning/protocols` knows the names, the parameters and their ranges. */
export interface ProtocolSpec {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | string>>;
}

export type TrainWhen =
  | { readonly when: "on-demand" }
  | { readonly when: "interval"; readonly seconds: number }
  | { readonly when: "on-upstream" };

export type EngineName = "onnx" | "wasm" | "tensorflow" | "reference";
/** Where the `onnx` engine computes. */
export type ExecutionProvider = "cpu" | "webgpu" | "cuda";

/** `auto`, an engine, or the `onnx` engine on a named execution provider. */
export type EngineChoice = "auto" | EngineName | `onnx:${ExecutionProvider}`;

export interface TeamConfig {
  readonly component: string;
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  /** Rows a step. */
  readonly batch: number;
  readonly steps: number;
  readonly schedule: ScheduleSpec;
  readonly protocol: ProtocolSpec;
  readonly seed: number;
  readonly train: TrainWhen;
  readonly engine: EngineChoice;
}

/** What a team file means where it says nothing. The paper's experiments train so. */
export const DEFAULT_TEAM = {
  optimizer: { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  batch: 64,
  steps: 4000,
  schedule: { warmup: 100, decay: "cosine" },
  protocol: { name: "async", parameters: {} },
  seed: 1,
  train: { when: "on-demand" },
  engine: "auto",
} as const satisfies Omit<TeamConfig, "component" | "model">;

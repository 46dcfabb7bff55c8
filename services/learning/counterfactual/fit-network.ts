import * as tf from "@tensorflow/tfjs";
import type { DenseLayer } from "../../data/oracle.ts";
import type { OptimiserSpec, ScheduleSpec } from "../../pipeline/team.ts";
import type { Engine } from "../engines/engine.ts";
import type { TrainingProgram } from "../program.ts";
import { denseNetwork } from "../programs/dense.ts";
import { trainingLosses } from "../programs/losses.ts";
import { runTraining } from "../run-training.ts";
import type { Matrix } from "../training-problem.ts";
import { rowsOf } from "./matrices.ts";
import { readStandardised, type Scaling, scalingOf, standardise, writeUnstandardised } from "./scaling.ts";

/** What every helper network of a counterfactual source is fitted with. */
export interface FitContext {
  readonly engine: Engine;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

export interface NetworkFit {
  readonly inputs: Matrix;
  readonly target: Matrix;
  /** `regression`: squared error. `classification`: cross-entropy of a distribution over the classes; gives logits. */
  readonly kind: "regression" | "classification";
  /** Factor on the sum of squared weights (biases excluded) that is added to the mean loss of standardised targets. */
  readonly weightDecay: number;
  /** Lower bound of the number of steps; about 25 epochs where that is more. */
  readonly leastSteps: number;
}

/** Units of the one hidden layer: as many as the paper's over-parameterised components have. */
export const HELPER_UNITS = 64;
const BATCH = 64;
const EPOCHS = 25;
/** Bounds the time on large data: some seconds with a compiled engine. */
const MOST_STEPS = 20_000;
const OPTIMISER: OptimiserSpec = { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SCHEDULE: ScheduleSpec = { warmup: 100, decay: "cosine" };

/**
 * Fits a network of one hidden ReLU layer, and folds the scaling of inputs and targets that training takes into its
 * layers, so that it maps the given inputs to the given targets.
 *
 * @throws UncoupleError `failed-precondition` (the loss is not finite), `cancelled`
 */
export async function fitNetwork(fit: NetworkFit, context: FitContext): Promise<readonly DenseLayer[]> {
  const inputScaling = scalingOf(fit.inputs);
  const targetScaling = fit.kind === "regression" ? scalingOf(fit.target) : undefined;
  const rows = rowsOf(fit.inputs);
  const { program, data } = helperProgram(fit, rows, inputScaling, targetScaling, context.seed);
  const { state } = await runTraining({
    engine: context.engine,
    program,
    data,
    rows,
    steps: Math.min(MOST_STEPS, Math.max(fit.leastSteps, Math.ceil((EPOCHS * rows) / program.batch))),
    schedule: SCHEDULE,
    seed: context.seed,
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  const values = (name: string) => (state[`variable/${name}`] as { values: Float32Array }).values;
  const first: DenseLayer = {
    inputs: fit.inputs.width,
    outputs: HELPER_UNITS,
    weights: values("dense0/weights"),
    bias: values("dense0/bias"),
  };
  const last: DenseLayer = {
    inputs: HELPER_UNITS,
    outputs: fit.target.width,
    weights: values("dense1/weights"),
    bias: values("dense1/bias"),
  };
  return [
    readStandardised(first, inputScaling),
    targetScaling === undefined ? last : writeUnstandardised(last, targetScaling),
  ];
}

function helperProgram(
  fit: NetworkFit,
  rows: number,
  inputScaling: Scaling,
  targetScaling: Scaling | undefined,
  seed: number,
): { program: TrainingProgram; data: Record<string, Float32Array> } {
  const { loss } = trainingLosses[fit.kind === "regression" ? "mse" : "cross-entropy"];
  const network = denseNetwork({ inputs: fit.inputs.width, outputs: fit.target.width, seed }, [HELPER_UNITS]);
  const program: TrainingProgram = {
    batch: Math.min(BATCH, rows),
    optimiser: OPTIMISER,
    resident: { inputs: { width: fit.inputs.width }, target: { width: fit.target.width } },
    feeds: {},
    build: () => {
      const built = network();
      const weights = Object.entries(built.variables)
        .filter(([name]) => name.endsWith("/weights"))
        .map(([, variable]) => variable);
      return {
        variables: built.variables,
        dispose: () => built.dispose(),
        loss: (batch) => {
          const error = loss(built.apply(batch.inputs as tf.Tensor2D), batch.target as tf.Tensor2D);
          if (fit.weightDecay === 0) return error;
          const squares = tf.addN(weights.map((variable) => tf.sum(tf.square(variable))));
          return tf.add(error, tf.mul(squares, fit.weightDecay)) as tf.Scalar;
        },
      };
    },
  };
  const data = {
    inputs: standardise(fit.inputs, inputScaling),
    target: targetScaling === undefined ? fit.target.values : standardise(fit.target, targetScaling),
  };
  return { program, data };
}

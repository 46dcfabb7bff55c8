import type * as Tf from "@tensorflow/tfjs";
import { inParallel } from "../../common/async/in-parallel.ts";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { availableCpus } from "../../common/available-cpus.ts";
import { exp, log, square } from "../../common/elementary.ts";
import { createRandom } from "../../data/random/random.ts";
import type { DenseLayer } from "../../data/source/oracle.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { TrainingProgram, TrainingState } from "../../engine/interface/program.ts";
import { tf } from "../../engine/tfjs/tf.ts";
import type { OptimizerSpec, ScheduleSpec } from "../../pipeline/team.ts";
import { isSpilledMatrix, type Matrix, mapRows, type RowMatrix, rowsOf } from "../dataset/row-matrix.ts";
import { runTraining, type Train } from "../training/run-training.ts";
import { trainingColumns } from "../training/training-columns.ts";
import { scalingOf, standardize, unstandardizeInputs, unstandardizeOutputs } from "./scaling.ts";

/** The engine, seed and signal with which helper networks are fitted. */
export interface FitContext {
  readonly engine: Engine;
  /** Runs the fits; default: `runTraining`. */
  readonly train?: Train;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** `regression`: squared error. `classification`: cross-entropy of a distribution over the classes; outputs logits. */
export type FitKind = "regression" | "classification";

/** One of several networks that are fitted to the same data. */
export interface Member {
  /** Factor of the sum of squared weights (without biases) that is added to the mean loss on standardized targets. */
  readonly weightDecay: number;
  /** Selects the rows that it is trained on; default: all. */
  readonly learns?: (row: number) => boolean;
}

/** The target that a network is fitted to. */
export interface FitTarget<M extends RowMatrix = RowMatrix> {
  readonly target: M;
  /** 1 for each known value of the target, 0 for unknown ones, which the loss ignores; default: all known. */
  readonly observed?: M;
  readonly kind: FitKind;
}

export interface NetworkFit extends FitTarget {
  readonly inputs: RowMatrix;
  readonly members: readonly Member[];
  readonly steps: number;
}

/** Units of the hidden layer, as in the paper's over-parameterized components. */
const UNITS = 64;
const BATCH = 64;
/** On the paper's functions, a few thousand steps at this rate match ten thousand steps at a rate of 0.01. */
const OPTIMIZER: OptimizerSpec = { name: "adam", learningRate: 0.03, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SCHEDULE: ScheduleSpec = { warmup: 100, decay: "cosine" };

/**
 * Members trained by one program. More would save a little overhead; fewer programs could run side by side. Part of the
 * result: it decides in which order numbers are added.
 */
const MEMBERS_PER_PROGRAM = 2;

/**
 * Fits networks with one hidden ReLU layer, a few in a training program, several programs at a time. They share only the
 * batches. Folds the scaling of inputs and targets into the layers, so that the networks map the given inputs to the given
 * targets.
 *
 * @returns two layers per member
 * @throws UncoupleError `failed-precondition` (the loss is not finite), `cancelled`
 */
export async function fitNetworks(fit: NetworkFit, context: FitContext): Promise<readonly (readonly DenseLayer[])[]> {
  const { inputs, target, observed } = fit;
  const inputScaling = await scalingOf(inputs);
  const targetScaling = fit.kind === "regression" ? await scalingOf(target, observed) : undefined;
  // With a hundred thousand rows, each of these steps blocks the thread for tens of milliseconds.
  await yieldToEventLoop();
  const scaledInputs = await standardize(inputs, inputScaling);
  await yieldToEventLoop();
  const data = {
    inputs: scaledInputs,
    target: targetScaling === undefined ? target : await standardize(target, targetScaling),
    ...(observed !== undefined && { observed }),
  };
  const firsts = range(Math.ceil(fit.members.length / MEMBERS_PER_PROGRAM)).map((part) => part * MEMBERS_PER_PROGRAM);
  const isSpilled = Object.values(data).some(isSpilledMatrix);
  // Units wait for a worker or a slot. Each training on rows in files has windows of its own in memory.
  const atATime = context.train !== undefined ? firsts.length : isSpilled ? 1 : availableCpus();
  const parts = await inParallel(firsts, atATime, async (first) => {
    const part: StackedPart = { ...fit, first, members: fit.members.slice(first, first + MEMBERS_PER_PROGRAM) };
    return { members: part.members, state: await fitStacked(part, fit.members.length, data, context) };
  });
  return parts.flatMap(({ members, state }) =>
    members.map((_, member) => {
      const hidden = layerOf(state, "hidden", member, members.length, { inputs: inputs.width, outputs: UNITS });
      const output = layerOf(state, "output", member, members.length, { inputs: UNITS, outputs: target.width });
      return [
        unstandardizeInputs(hidden, inputScaling),
        targetScaling === undefined ? output : unstandardizeOutputs(output, targetScaling),
      ];
    }),
  );
}

/** The members of a fit that one program trains. */
interface StackedPart extends NetworkFit {
  /** Number of the first one among all members. */
  readonly first: number;
}

async function fitStacked(
  fit: StackedPart,
  all: number,
  data: Readonly<Record<string, RowMatrix>>,
  context: FitContext,
): Promise<TrainingState> {
  const rows = rowsOf(fit.inputs);
  const learns = masked(fit.members) ? { learns: await learningWeights(fit.members, fit.target, rows) } : {};
  const { state } = await (context.train ?? runTraining)({
    engine: context.engine,
    program: stackedProgram(fit, all, rows, context.seed),
    data: trainingColumns({ ...data, ...learns }),
    rows,
    steps: fit.steps,
    schedule: SCHEDULE,
    seed: context.seed,
    ...(context.signal !== undefined && { signal: context.signal }),
    // An engine may compute on this thread: keeps it responsive to health checks and cancels.
    onProgress: () => yieldToEventLoop(),
  });
  return state;
}

function layerOf(
  state: TrainingState,
  name: string,
  member: number,
  members: number,
  shape: { readonly inputs: number; readonly outputs: number },
): DenseLayer {
  const part = (parameter: string): Float32Array => {
    const { values } = state[`variable/${name}/${parameter}`] as { values: Float32Array };
    const size = values.length / members;
    return values.slice(member * size, (member + 1) * size);
  };
  return { ...shape, weights: part("weights"), bias: part("bias") };
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function masked(members: readonly Member[]): boolean {
  return members.some(({ learns }) => learns !== undefined);
}

/**
 * [rows, members]: 0 for rows that the member is not trained on, else the inverse of its share of the rows.
 * @param like a matrix with these rows, beside which the weights are spilled if it is
 */
function learningWeights(members: readonly Member[], like: RowMatrix, rows: number): Promise<RowMatrix> {
  const counts = members.map(({ learns }) => {
    let count = 0;
    for (let row = 0; row < rows; row++) if (learns?.(row) ?? true) count++;
    return count;
  });
  return mapRows([like], ([block], from) => {
    const weights = new Float32Array(rowsOf(block) * members.length);
    members.forEach(({ learns }, member) => {
      for (let row = 0; row < rowsOf(block); row++) {
        if (learns?.(from + row) ?? true) weights[row * members.length + member] = rows / (counts[member] as number);
      }
    });
    return { width: members.length, values: weights };
  });
}

/**
 * Trains members at once, with their weights stacked into tensors [members, inputs, outputs].
 * @param all members of the fit: the initial weights of a member are those at its place among all
 */
function stackedProgram(fit: StackedPart, all: number, rows: number, seed: number): TrainingProgram {
  const { kind, members, first } = fit;
  const shapes = [
    { name: "hidden", inputs: fit.inputs.width, outputs: UNITS },
    { name: "output", inputs: UNITS, outputs: fit.target.width },
  ];
  const initial = shapes.map(({ name, inputs, outputs }) => {
    const size = inputs * outputs;
    const weights = new Float32Array(all * size);
    createRandom(seed, `helper/${name}`).fillGaussian(weights, Math.sqrt(2 / inputs));
    return weights.slice(first * size, (first + members.length) * size);
  });
  return {
    batch: Math.min(BATCH, rows),
    optimizer: OPTIMIZER,
    resident: {
      inputs: { width: fit.inputs.width },
      target: { width: fit.target.width },
      ...(fit.observed !== undefined && { observed: { width: fit.target.width } }),
      ...(masked(members) && { learns: { width: members.length } }),
    },
    feeds: {},
    build: () => {
      const layers = shapes.map(({ name, inputs, outputs }, i) => ({
        name,
        weights: tf.variable(tf.tensor3d(initial[i] as Float32Array, [members.length, inputs, outputs])),
        bias: tf.variable(tf.zeros<Tf.Rank.R3>([members.length, 1, outputs])),
      }));
      const [hidden, output] = layers as [(typeof layers)[0], (typeof layers)[0]];
      const decay = tf.tensor1d(members.map(({ weightDecay }) => weightDecay));
      return {
        variables: Object.fromEntries(
          layers.flatMap(({ name, weights, bias }) => [
            [`${name}/weights`, weights],
            [`${name}/bias`, bias],
          ]),
        ),
        dispose: () => tf.dispose([decay, layers.map(({ weights, bias }) => [weights, bias])]),
        loss: (batch) => {
          const x = tf.expandDims<Tf.Tensor3D>(batch.inputs as Tf.Tensor2D, 0);
          const activation = tf.relu(tf.add(tf.matMul(x, hidden.weights), hidden.bias));
          const predicted = tf.add(tf.matMul(activation, output.weights), output.bias);
          const errors = rowErrors(kind, predicted, batch.target as Tf.Tensor2D, batch.observed);
          const counted = batch.learns === undefined ? errors : tf.mul(errors, tf.transpose(batch.learns));
          const squares = tf.add(tf.sum(tf.square(hidden.weights), [1, 2]), tf.sum(tf.square(output.weights), [1, 2]));
          return tf.add(tf.sum(tf.mean(counted, 1)), tf.sum(tf.mul(squares, decay))) as Tf.Scalar;
        },
      };
    },
  };
}

/** @param predicted [members, batch, outputs] @param target [batch, outputs] @returns [members, batch] */
function rowErrors(
  kind: FitKind,
  predicted: Tf.Tensor,
  target: Tf.Tensor2D,
  observed: Tf.Tensor2D | undefined,
): Tf.Tensor {
  const wanted = tf.expandDims(target, 0);
  if (kind === "classification") return tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(predicted, -1)), -1));
  const squares = tf.squaredDifference(predicted, wanted);
  return observed === undefined ? tf.mean(squares, -1) : tf.sum(tf.mul(squares, tf.expandDims(observed, 0)), -1);
}

/** Loss of predictions, summed over the rows. @param output values or logits, [rows * outputs] */
export function targetLoss({ kind, target, observed }: FitTarget<Matrix>, output: Float32Array): number {
  let sum = 0;
  if (kind === "regression") {
    output.forEach((value, i) => {
      sum += (observed?.values[i] ?? 1) * square(value - (target.values[i] as number));
    });
    return sum;
  }
  for (let start = 0; start < output.length; start += target.width) {
    const logits = output.subarray(start, start + target.width);
    const highest = logits.reduce((a, b) => Math.max(a, b));
    const logSum = highest + log(logits.reduce((total, logit) => total + exp(logit - highest), 0));
    logits.forEach((logit, k) => {
      sum += (target.values[start + k] as number) * (logSum - logit);
    });
  }
  return sum;
}

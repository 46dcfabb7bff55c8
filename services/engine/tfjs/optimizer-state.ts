import type * as Tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import type { OptimizerSpec } from "../../pipeline/team.ts";
import type { BuiltProgram, StateTensor, TrainingState } from "../interface/program.ts";
import { tf } from "./tf.ts";

/** A training step that is ready to run: the program's variables and the optimizer's, by their names in a state. */
export interface TrainingStep {
  /** `variable/<name>`, then `optimiser/...`, in a fixed order. */
  readonly state: Readonly<Record<string, Tf.Variable>>;
  /**
   * Performs one update. @param batch resident columns and feeds by name @returns the loss before the update
   */
  run(batch: Readonly<Record<string, Tf.Tensor2D>>, learningRate: number): Tf.Scalar;
  dispose(): void;
}

/**
 * Private fields of tfjs's optimizers: the accumulators, which a checkpoint needs, and the learning rate, which a schedule
 * changes in every step. tfjs's own getWeights omits Adam's beta powers.
 */
interface OptimizerFields {
  learningRate: number;
  setLearningRate?(rate: number): void;
  readonly accumulations?: Slot[];
  readonly accumulatedFirstMoment?: Slot[];
  readonly accumulatedSecondMoment?: Slot[];
  readonly accBeta1?: Tf.Variable;
  readonly accBeta2?: Tf.Variable;
}

interface Slot {
  readonly originalName: string;
  readonly variable: Tf.Variable;
}

/** Creates a program's optimizer on tfjs's current backend, with all its accumulators. Do not call it inside a tidy. */
export function openTrainingStep(program: BuiltProgram, spec: OptimizerSpec): TrainingStep {
  const names = Object.keys(program.variables);
  const variables = Object.values(program.variables);
  const optimizer = createOptimizer(spec);
  const fields = optimizer as unknown as OptimizerFields;
  createAccumulators(fields, variables);

  const state: Record<string, Tf.Variable> = {};
  names.forEach((name, index) => {
    state[`variable/${name}`] = variables[index] as Tf.Variable;
  });
  const addSlots = (slot: string, slots: readonly Slot[] | undefined) => {
    slots?.forEach(({ variable }, index) => {
      state[`optimiser/${slot}/${names[index]}`] = variable;
    });
  };
  addSlots("momentum", fields.accumulations);
  addSlots("first-moment", fields.accumulatedFirstMoment);
  addSlots("second-moment", fields.accumulatedSecondMoment);
  if (fields.accBeta1 !== undefined) state["optimiser/beta1-power"] = fields.accBeta1;
  if (fields.accBeta2 !== undefined) state["optimiser/beta2-power"] = fields.accBeta2;

  return {
    state,
    run(batch, learningRate) {
      setLearningRate(fields, learningRate);
      const { value, grads } = lossAndGradients(program, variables, batch);
      optimizer.applyGradients(variables.map(({ name }) => ({ name, tensor: grads[name] as Tf.Tensor })));
      return value;
    },
    dispose() {
      optimizer.dispose();
      program.dispose();
    },
  };
}

function createOptimizer(spec: OptimizerSpec): Tf.Optimizer {
  switch (spec.name) {
    case "sgd":
      return tf.train.sgd(spec.learningRate);
    case "momentum":
      return tf.train.momentum(spec.learningRate, spec.momentum);
    case "adam":
      return tf.train.adam(spec.learningRate, spec.beta1, spec.beta2, spec.epsilon);
  }
}

function setLearningRate(fields: OptimizerFields, rate: number): void {
  if (fields.setLearningRate === undefined) fields.learningRate = rate;
  else fields.setLearningRate(rate);
}

/** Creates the accumulators, zero, that tfjs would create in the first update. */
function createAccumulators(fields: OptimizerFields, variables: readonly Tf.Variable[]): void {
  const slots = { accumulations: "momentum", accumulatedFirstMoment: "m", accumulatedSecondMoment: "v" } as const;
  for (const [field, suffix] of Object.entries(slots) as [keyof typeof slots, string][]) {
    for (const variable of fields[field] === undefined ? [] : variables) {
      const zeros = tf.tidy(() => tf.zerosLike(variable).variable(false));
      fields[field]?.push({ originalName: `${variable.name}/${suffix}`, variable: zeros });
    }
  }
}

function lossAndGradients(
  program: BuiltProgram,
  variables: readonly Tf.Variable[],
  batch: Readonly<Record<string, Tf.Tensor2D>>,
): { value: Tf.Scalar; grads: Tf.NamedTensorMap } {
  try {
    return tf.variableGrads(() => program.loss(batch), [...variables]);
  } catch (thrown) {
    if (thrown instanceof UncoupleError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UncoupleError("invalid-argument", `the training step cannot be differentiated: ${reason}`, {
      cause: thrown,
    });
  }
}

/** Copies the values of state variables. Reads from the backend, so do not call it while tracing. */
export function readState(state: Readonly<Record<string, Tf.Variable>>): TrainingState {
  const read: Record<string, StateTensor> = {};
  for (const [name, variable] of Object.entries(state)) {
    read[name] = { shape: [...variable.shape], values: Float32Array.from(variable.dataSync()) };
  }
  return read;
}

/**
 * Checks that a state belongs to the program.
 *
 * @param expected names and shapes of the program's own state
 * @throws UncoupleError `invalid-argument` naming the first tensor that is missing, unknown or has the wrong shape
 */
export function checkState(
  state: TrainingState,
  expected: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): void {
  for (const name of Object.keys(state)) {
    if (!Object.hasOwn(expected, name)) throw mismatch(`the checkpoint holds ${name}, which the program does not have`);
  }
  for (const [name, { shape }] of Object.entries(expected)) {
    const tensor = state[name];
    if (tensor === undefined) throw mismatch(`the checkpoint lacks ${name}`);
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (tensor.shape.join() !== shape.join() || tensor.values.length !== size) {
      throw mismatch(`${name} has shape [${tensor.shape}] in the checkpoint and [${shape}] in the program`);
    }
  }
}

function mismatch(what: string): UncoupleError {
  return new UncoupleError("invalid-argument", `the state belongs to a different program: ${what}`);
}

import type * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../../common/errors.ts";
import type { StateTensor, TrainingProgram, TrainingState } from "../../interface/program.ts";
import { openTrainingStep, readState, type TrainingStep } from "../../tfjs/optimizer-state.ts";
import { createTfjsSandbox } from "../../tfjs/tfjs-sandbox.ts";
import { type Graph, GraphBuilder, type NamedValue, splatOf, type Value } from "../graph/ir.ts";
import type { StepGraph } from "../graph/step-graph.ts";
import { expand } from "../kernels/lowering.ts";
import { type Differences, reconcile } from "./reconcile.ts";
import { type Recorder, record } from "./trace-backend.ts";

export interface RecordedStep {
  readonly step: StepGraph;
  readonly initial: TrainingState;
}

/** Two learning rates: a constant that follows them is the rate; any other difference is a random number. */
const RATES = [0.3713, 0.5927] as const;

/**
 * Records one training step: forward pass, gradients and the optimizer's update.
 *
 * @throws UncoupleError `invalid-argument` if a kernel cannot be compiled, or the step reads values, draws random
 *   numbers, or its loss is not a scalar
 */
export function recordStep(program: TrainingProgram): RecordedStep {
  const sandbox = createTfjsSandbox("cpu");
  try {
    const step = sandbox.open(() => openTrainingStep(program.build(), program.optimizer));
    const initial = sandbox.run(() => readState(step.state));
    const [first, second] = RATES.map((rate) => {
      const { nodes, result } = record(sandbox, (recorder) => trace(program, step, initial, recorder, rate));
      return { ...result, nodes };
    }) as [Graph, Graph];
    sandbox.run(() => step.dispose());
    return { step: withRate(program, first, second), initial };
  } finally {
    sandbox.close();
  }
}

function trace(
  program: TrainingProgram,
  step: TrainingStep,
  initial: TrainingState,
  recorder: Recorder,
  rate: number,
): Omit<Graph, "nodes"> {
  const inputs: NamedValue[] = [];
  for (const [name, variable] of Object.entries(step.state)) {
    const { value, tensor } = recorder.input((initial[name] as StateTensor).shape);
    inputs.push({ name, value });
    variable.assign(tensor);
  }
  const batch: Record<string, tf.Tensor2D> = {};
  for (const [name, { width }] of Object.entries({ ...program.resident, ...program.feeds })) {
    const { value, tensor } = recorder.input([program.batch, width]);
    inputs.push({ name, value });
    batch[name] = tensor as tf.Tensor2D;
  }
  const loss = recorder.valueFor(step.run(batch, rate));
  if (loss.type !== "float32" || loss.shape.length !== 0) {
    throw new UncoupleError("invalid-argument", `the loss has shape [${loss.shape}]; it must be a scalar`);
  }
  const outputs = Object.entries(step.state).map(([name, variable]) => ({
    name,
    value: recorder.valueFor(variable),
  }));
  return { inputs, outputs: [...outputs, { name: "loss", value: loss }] };
}

/** Turns the constants that follow the learning rate in the two recordings into an input. */
function withRate(program: TrainingProgram, first: Graph, second: Graph): StepGraph {
  const rate = { type: "float32", shape: [] } as const satisfies Value;
  const negativeRate = { type: "float32", shape: [] } as const satisfies Value;
  const [low, high] = RATES.map(Math.fround) as [number, number];
  const differences: Differences = {
    refuse: (what) =>
      new UncoupleError(
        "invalid-argument",
        `the training step cannot be compiled: ${what} differ between two recordings of it. A step must be a ` +
          "deterministic function of its batch: draw noise outside of it and pass it as a feed, and keep no counters in it",
      ),
    constant(a, b, _reader, nodes) {
      const [left, right] = [splatOf(a), splatOf(b)];
      const builder = new GraphBuilder(nodes);
      if (left === low && right === high) return expand(builder, rate, a.shape);
      if (left === -low && right === -high) return expand(builder, negativeRate, a.shape);
      throw differences.refuse("the values of a constant in it");
    },
  };
  const graph = reconcile(first, second, differences);
  const count = graph.outputs.length - 1;
  const states = graph.outputs.slice(0, count).map(({ name, value }, index) => ({
    name,
    before: graph.inputs[index]?.value as Value,
    after: value,
  }));
  return {
    nodes: graph.nodes,
    states,
    batch: graph.inputs.slice(count, count + Object.keys({ ...program.resident, ...program.feeds }).length),
    rate,
    negativeRate,
    loss: graph.outputs[count]?.value as Value,
  };
}

/** Applies a graph pass to a step, treating everything that the step reads as graph inputs. */
export function applyToStep(step: StepGraph, pass: (graph: Graph) => Graph): StepGraph {
  const graph = pass({
    inputs: [],
    nodes: step.nodes,
    outputs: [...step.states.map(({ name, after }) => ({ name, value: after })), { name: "loss", value: step.loss }],
  });
  return {
    ...step,
    nodes: graph.nodes,
    states: step.states.map((state, index) => ({ ...state, after: graph.outputs[index]?.value as Value })),
    loss: graph.outputs.at(-1)?.value as Value,
  };
}

import { type Graph, GraphBuilder, type NamedValue, type Node, size, type Value } from "./ir.ts";
import type { FlatStep } from "./passes/flat-state.ts";

/** Names of the model that runs many steps in one call. */
export const LOOP_NAMES = {
  /** int64 scalar: how many steps. */
  steps: "steps",
  /** int32 [steps, batch]: rows of the resident columns. */
  indices: "indices",
  /** float32 [steps]. */
  rates: "rates",
  /** float32 [steps], out. */
  losses: "losses",
  resident: (name: string) => `resident/${name}`,
  feed: (name: string) => `feed/${name}`,
  before: (index: number) => `before/${index}`,
  after: (index: number) => `after/${index}`,
} as const;

/** The first dimensions that vary from call to call. */
export type LoopDimension = "steps" | "rows";

export interface EpochLoop {
  readonly graph: Graph;
  /** Inputs of the graph whose first dimension varies. */
  readonly open: ReadonlyMap<Value, LoopDimension>;
  /** Resident columns and feeds that the loss really reads. */
  readonly resident: readonly string[];
  readonly feeds: readonly string[];
}

/**
 * Wraps a step in an ONNX `Loop`: one call runs any number of steps. The resident columns are read from outside of the
 * body, each iteration gathers the rows of its batch; the state is carried from iteration to iteration.
 *
 * @param resident which of the step's batch inputs are resident columns; the others are feeds
 */
export function wrapInLoop(step: FlatStep, resident: ReadonlySet<string>): EpochLoop {
  const used = new Set<Value>();
  for (const node of step.nodes) for (const input of node.inputs) if (input !== null) used.add(input);
  used.add(step.loss);
  for (const { after } of step.carried) used.add(after);

  const outer = new GraphBuilder();
  const inputs: NamedValue[] = [];
  const open = new Map<Value, LoopDimension>();
  const declare = (name: string, value: Value, dimension?: LoopDimension): Value => {
    inputs.push({ name, value });
    if (dimension !== undefined) open.set(value, dimension);
    return value;
  };

  const iteration: Value = { type: "int64", shape: [] };
  const keepGoing: Value = { type: "bool", shape: [] };
  const fetch: Node[] = [];
  const pick = (from: Value, index: Value, into: Value): void => {
    fetch.push({ op: "Gather", inputs: [from, index], outputs: [into], attributes: { axis: 0 } });
  };

  const steps = declare(LOOP_NAMES.steps, { type: "int64", shape: [] });
  const rates = declare(LOOP_NAMES.rates, { type: "float32", shape: [1] }, "steps");
  if (used.has(step.rate)) pick(rates, iteration, step.rate);
  if (used.has(step.negativeRate)) {
    pick(outer.add("Neg", [rates], "float32", [1]), iteration, step.negativeRate);
  }
  const columns = step.batch.filter(({ value }) => used.has(value));
  const residents = columns.filter(({ name }) => resident.has(name));
  const feeds = columns.filter(({ name }) => !resident.has(name));
  const [first] = residents;
  if (first !== undefined) {
    const batch = first.value.shape[0] as number;
    const indices = declare(LOOP_NAMES.indices, { type: "int32", shape: [1, batch] }, "steps");
    const rows: Value = { type: "int32", shape: [batch] };
    pick(indices, iteration, rows);
    for (const { name, value } of residents) {
      const whole: Value = { type: "float32", shape: [1, size(value.shape.slice(1))] };
      pick(declare(LOOP_NAMES.resident(name), whole, "rows"), rows, value);
    }
  }
  for (const { name, value } of feeds) {
    const whole: Value = { type: "float32", shape: [1, ...value.shape] };
    pick(declare(LOOP_NAMES.feed(name), whole, "steps"), iteration, value);
  }

  const befores = step.carried.map(({ before }, index) =>
    declare(LOOP_NAMES.before(index), { type: "float32", shape: before.shape }),
  );
  const body: Graph = {
    inputs: [
      { name: "iteration", value: iteration },
      { name: "keep_going", value: keepGoing },
      ...step.carried.map(({ before }, index) => ({ name: `carried_in/${index}`, value: before })),
    ],
    nodes: [...fetch, ...step.nodes],
    outputs: [
      { name: "keep_going_out", value: keepGoing },
      ...step.carried.map(({ after }, index) => ({ name: `carried_out/${index}`, value: after })),
      { name: "loss", value: step.loss },
    ],
  };
  const afters = befores.map(({ shape }): Value => ({ type: "float32", shape }));
  const losses: Value = { type: "float32", shape: [1] };
  outer.nodes.push({
    op: "Loop",
    inputs: [steps, null, ...befores],
    outputs: [...afters, losses],
    attributes: { body: { graph: body } },
  });
  open.set(losses, "steps");
  return {
    graph: {
      inputs,
      nodes: outer.nodes,
      outputs: [
        ...afters.map((value, index) => ({ name: LOOP_NAMES.after(index), value })),
        { name: LOOP_NAMES.losses, value: losses },
      ],
    },
    open,
    resident: residents.map(({ name }) => name),
    feeds: feeds.map(({ name }) => name),
  };
}

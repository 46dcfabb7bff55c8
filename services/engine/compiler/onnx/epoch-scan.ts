import { type Graph, int64Vector, type NamedValue, type Node, size, type Value } from "../graph/ir.ts";
import type { ScheduledStep } from "../passes/scalar-schedule.ts";

/** Names of the model that runs many steps in one call. */
export const EPOCH_NAMES = {
  /** int32 [steps, batch]: rows of the resident columns. */
  indices: "indices",
  /** float32 [steps], out. */
  losses: "losses",
  /** float32 [steps]: a column of the scalar schedule. */
  scheduled: (index: number) => `scheduled/${index}`,
  /** float32 [rows, width]. */
  resident: (name: string) => `resident/${name}`,
  /** float32 [steps, batch, width]. */
  feed: (name: string) => `feed/${name}`,
  before: (index: number) => `before/${index}`,
  after: (index: number) => `after/${index}`,
} as const;

export interface EpochGraph {
  readonly graph: Graph;
  /** Inputs and outputs of the graph whose first dimension varies from call to call, with the dimension's name. */
  readonly open: ReadonlyMap<Value, "steps" | "rows">;
  /** Resident columns and feeds that the loss depends on. */
  readonly resident: readonly string[];
  readonly feeds: readonly string[];
}

/**
 * Wraps a step in an ONNX `Scan`, a loop over the first dimension of some inputs: one call runs any number of steps.
 * The row numbers, the scheduled numbers and the feeds are sliced for each step; the resident columns are read from
 * outside of the body, which gathers the rows of its batch; the state is carried from step to step.
 *
 * `Scan` rather than `Loop`: slicing costs ONNX Runtime less than the Gather nodes that a Loop's body needs (8 of 61
 * microseconds a step for the paper's network).
 *
 * @param resident which of the step's batch inputs are resident columns; the others are feeds
 */
export function wrapInScan(step: ScheduledStep, resident: ReadonlySet<string>): EpochGraph {
  const used = new Set<Value>([step.loss, ...step.carried.map(({ after }) => after)]);
  for (const node of step.nodes) for (const input of node.inputs) if (input !== null) used.add(input);

  const inputs: NamedValue[] = [];
  const open = new Map<Value, "steps" | "rows">();
  const scanned: { readonly outer: Value; readonly inner: NamedValue }[] = [];
  /** A graph input with one more dimension than its slice in a step. */
  const scan = (name: string, inner: Value): void => {
    const outer: Value = { type: inner.type, shape: [1, ...inner.shape] };
    inputs.push({ name, value: outer });
    open.set(outer, "steps");
    scanned.push({ outer, inner: { name: `one/${name}`, value: inner } });
  };

  const columns = step.batch.filter(({ value }) => used.has(value));
  const residents = columns.filter(({ name }) => resident.has(name));
  const feeds = columns.filter(({ name }) => !resident.has(name));
  const fetch: Node[] = [];
  step.scheduled.forEach((value, index) => {
    const number: Value = value.shape.length === 0 ? value : { type: "float32", shape: [] };
    scan(EPOCH_NAMES.scheduled(index), number);
    if (number !== value) {
      fetch.push({ op: "Reshape", inputs: [number, int64Vector(value.shape)], outputs: [value], attributes: {} });
    }
  });
  // Scanned even if no column is read: the length of the scanned inputs is the number of steps.
  const batch = step.batch[0]?.value.shape[0] ?? 1;
  const rows: Value = { type: "int32", shape: [batch] };
  scan(EPOCH_NAMES.indices, rows);
  for (const { name, value } of residents) {
    const whole: Value = { type: "float32", shape: [1, size(value.shape.slice(1))] };
    inputs.push({ name: EPOCH_NAMES.resident(name), value: whole });
    open.set(whole, "rows");
    fetch.push({ op: "Gather", inputs: [whole, rows], outputs: [value], attributes: { axis: 0 } });
  }
  for (const { name, value } of feeds) scan(EPOCH_NAMES.feed(name), value);

  const befores = step.carried.map(({ before }, index): Value => {
    const value: Value = { type: "float32", shape: before.shape };
    inputs.push({ name: EPOCH_NAMES.before(index), value });
    return value;
  });
  const body: Graph = {
    inputs: [
      ...step.carried.map(({ before }, index) => ({ name: `carried_in/${index}`, value: before })),
      ...scanned.map(({ inner }) => inner),
    ],
    nodes: [...fetch, ...step.nodes],
    outputs: [
      ...step.carried.map(({ after }, index) => ({ name: `carried_out/${index}`, value: after })),
      { name: "loss", value: step.loss },
    ],
  };
  const afters = befores.map(({ shape }): Value => ({ type: "float32", shape }));
  const losses: Value = { type: "float32", shape: [1] };
  open.set(losses, "steps");
  const node: Node = {
    op: "Scan",
    inputs: [...befores, ...scanned.map(({ outer }) => outer)],
    outputs: [...afters, losses],
    attributes: { num_scan_inputs: scanned.length, body: { graph: body } },
  };
  return {
    graph: {
      inputs,
      nodes: [node],
      outputs: [
        ...afters.map((value, index) => ({ name: EPOCH_NAMES.after(index), value })),
        { name: EPOCH_NAMES.losses, value: losses },
      ],
    },
    open,
    resident: residents.map(({ name }) => name),
    feeds: feeds.map(({ name }) => name),
  };
}

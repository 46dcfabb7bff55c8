import type { GraphProto, NodeProto, ValueInfoProto } from "../../../engine/compiler/onnx/gen/onnx-schema.ts";
import { plainName } from "../faults/plain-name.ts";
import { checkNode, type Opsets } from "./check-node.ts";
import { checkTensor } from "./check-tensor.ts";
import { type Dimension, elements, fixed, isFixed, ROWS, type Shape, sizeOf } from "./dimensions.ts";
import { type Facts, factsOf, intOf, intsOf, UNKNOWN } from "./facts.ts";
import { inferShape, multiplications } from "./infer-shapes.ts";
import { LIMITS, ROWS_PER_CALL } from "./limits.ts";
import { forbidden, malformed, tooExpensive } from "./refusals.ts";

/** Checks the graph of a decoded model, and the graphs inside it. */
export class GraphCheck {
  /** Names of the operators found so far. */
  readonly operators = new Set<string>();
  private readonly opsets: Opsets;
  private nodes = 0;
  private multiplied = 0;

  constructor(opsets: Opsets) {
    this.opsets = opsets;
  }

  /** @throws ModelFault */
  check(graph: GraphProto): void {
    this.scope(graph, new Map(), [], { depth: 0, steps: 1, scanning: false });
  }

  /**
   * @param outer what is known about the values of the graphs around this one
   * @param given what is known about the inputs beyond what they declare
   * @returns what is known about the outputs
   */
  private scope(
    graph: GraphProto,
    outer: ReadonlyMap<string, Facts>,
    given: readonly Facts[],
    around: Around,
  ): Facts[] {
    if (around.depth > LIMITS.nesting) throw malformed(`its graphs are nested more than ${LIMITS.nesting} levels deep`);
    const values = new Map(outer);
    const own = new Set<string>();
    const define = (name: string, facts: Facts): void => {
      if (own.has(name)) throw malformed(`it defines ${plainName(name)} twice`);
      own.add(name);
      values.set(name, facts);
    };
    for (const [index, input] of (graph.input ?? []).entries()) {
      const declared = { shape: declaredShape(input, around.depth === 0) };
      define(input.name ?? "", around.depth === 0 ? declared : (given[index] ?? declared));
    }
    const initializers = new Set<string>();
    for (const tensor of graph.initializer ?? []) {
      checkTensor(tensor);
      const name = tensor.name ?? "";
      if (initializers.has(name)) throw malformed(`it defines ${plainName(name)} twice`);
      initializers.add(name);
      // Before IR version 4, initializers were listed among the inputs as well.
      own.delete(name);
      define(name, factsOf(tensor));
    }
    for (const info of [...(graph.output ?? []), ...(graph.valueInfo ?? [])]) declaredShape(info, false);
    for (const node of graph.node ?? []) this.node(node, values, define, around);
    return (graph.output ?? []).map(({ name = "" }) => known(values, name));
  }

  private node(
    node: NodeProto,
    values: ReadonlyMap<string, Facts>,
    define: (name: string, facts: Facts) => void,
    around: Around,
  ): void {
    if (++this.nodes > LIMITS.nodes) throw tooExpensive(`the model contains more than ${LIMITS.nodes} nodes`);
    const operator = checkNode(node, this.opsets);
    this.operators.add(operator);
    const inputs = (node.input ?? []).map((name) => (name === "" ? UNKNOWN : known(values, name)));
    if (operator === "Dropout" && (node.input?.[2] ?? "") !== "" && !isFixed(inputs[2]?.sizes?.[0], 0)) {
      throw forbidden("the model contains a Dropout in training mode; export the model for inference");
    }
    const facts =
      operator === "Scan"
        ? this.scan(node, inputs, values, around)
        : operator === "If"
          ? this.branches(node, values, around)
          : [inferShape(node, inputs)];
    for (const { shape } of facts) this.bound(operator, shape);
    if (facts.length === 1) this.count(operator, multiplications(node, inputs, facts[0]?.shape), around);
    for (const [index, name] of (node.output ?? []).entries()) {
      if (name !== "") define(name, facts[facts.length === 1 ? 0 : index] ?? UNKNOWN);
    }
  }

  /** A Scan runs its body once for each slice of its scanned inputs. Its length must be known not to be large. */
  private scan(node: NodeProto, inputs: readonly Facts[], values: ReadonlyMap<string, Facts>, around: Around): Facts[] {
    if (around.scanning) throw forbidden("the model contains a Scan inside a Scan, which snapshots must not contain");
    const body = node.attribute?.find(({ name }) => name === "body")?.g;
    const scanned = intOf(node, "num_scan_inputs", 0);
    const states = inputs.length - scanned;
    if (body === undefined || scanned < 1 || states < 0) throw malformed("a Scan has no body or no scanned inputs");
    const axes = intsOf(node, "scan_input_axes") ?? Array<number>(scanned).fill(0);
    const slices: Facts[] = [];
    let steps: Dimension;
    for (const [index, { shape }] of inputs.slice(states).entries()) {
      const axis = axes[index] ?? 0;
      const at = axis < 0 ? axis + (shape?.length ?? 0) : axis;
      steps ??= shape?.[at];
      slices.push({ shape: shape?.filter((_, other) => other !== at) });
    }
    if (steps === undefined || (steps.power === 0 && steps.factor > LIMITS.scanSteps)) {
      throw forbidden(
        `the model contains a Scan whose length is neither the number of rows nor a constant up to ${LIMITS.scanSteps}`,
      );
    }
    // A state can have another shape after the first step.
    const before = inputs.slice(0, states);
    const inside = { depth: around.depth + 1, steps: sizeOf(steps, 1) * around.steps, scanning: true };
    const after = this.scope(body, values, [...before, ...slices], inside);
    return after.map(({ shape }, index) =>
      index < states ? (before[index] ?? UNKNOWN) : { shape: shape === undefined ? undefined : [steps, ...shape] },
    );
  }

  private branches(node: NodeProto, values: ReadonlyMap<string, Facts>, around: Around): Facts[] {
    for (const { g } of node.attribute ?? []) {
      if (g !== undefined) this.scope(g, values, [], { ...around, depth: around.depth + 1 });
    }
    return [UNKNOWN];
  }

  private bound(operator: string, shape: Shape): void {
    if ((elements(shape, ROWS_PER_CALL) ?? 0) <= LIMITS.elements) return;
    throw tooExpensive(`an operator ${operator} makes a tensor of more than ${LIMITS.elements} elements`);
  }

  private count(operator: string, sizes: Shape, { steps }: Around): void {
    this.multiplied += (sizes === undefined ? 0 : (elements(sizes, 1) ?? 0)) * steps;
    if (this.multiplied <= LIMITS.multiplications) return;
    throw tooExpensive(
      `the model takes more than ${LIMITS.multiplications} multiplications for a row (at an operator ${operator})`,
    );
  }
}

interface Around {
  readonly depth: number;
  /** How often the graph runs in a call of one row. */
  readonly steps: number;
  readonly scanning: boolean;
}

function known(values: ReadonlyMap<string, Facts>, name: string): Facts {
  const facts = values.get(name);
  if (facts !== undefined) return facts;
  throw malformed(`${plainName(name)} is used before it is defined, or not defined at all`);
}

/** @param rows whether an open first dimension is the rows of a call */
function declaredShape({ name = "", type }: ValueInfoProto, rows: boolean): Shape {
  const dims = type?.tensorType?.shape?.dim;
  const shape = dims?.map(({ dimValue }, axis): Dimension => {
    if (dimValue === undefined || dimValue === -1) return rows && axis === 0 ? ROWS : undefined;
    if (dimValue < 0 || dimValue > LIMITS.dimension) {
      throw tooExpensive(`${plainName(name)} has a dimension above ${LIMITS.dimension}, or a negative one`);
    }
    return fixed(dimValue);
  });
  const size = shape?.reduce((product, each) => product * (each === undefined ? 1 : sizeOf(each, 1)), 1) ?? 0;
  if (size > LIMITS.elements) throw tooExpensive(`${plainName(name)} has more than ${LIMITS.elements} elements`);
  return shape;
}

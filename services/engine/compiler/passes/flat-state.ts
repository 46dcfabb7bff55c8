import {
  constantValue,
  floatScalar,
  GraphBuilder,
  int64Vector,
  type Node,
  producers,
  sameShape,
  size,
  splatOf,
  type Value,
} from "../graph/ir.ts";
import type { StepGraph, StepState } from "../graph/step-graph.ts";
import { reshape } from "../kernels/lowering.ts";
import { BROADCASTING } from "./broadcasts.ts";
import { attributesKey } from "./common-subexpressions.ts";

/** Elementwise operators of one input. */
const ELEMENTWISE_UNARY = new Set([
  "Abs",
  "Cast",
  "Ceil",
  "Clip",
  "Erf",
  "Exp",
  "Floor",
  "Log",
  "Neg",
  "Not",
  "Reciprocal",
  "Relu",
  "Round",
  "Sigmoid",
  "Sign",
  "Sqrt",
  "Tanh",
]);

/** A named state tensor inside a carried vector. */
export interface StatePart {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One value that the steps hand on to each other: a state tensor, or several of them laid end to end. */
export interface CarriedState {
  readonly parts: readonly StatePart[];
  readonly before: Value;
  readonly after: Value;
}

export interface FlatStep extends Omit<StepGraph, "states"> {
  readonly carried: readonly CarriedState[];
}

/** `variable/w` and `optimiser/momentum/w` belong to variable w; `optimiser/beta1-power` to none. */
function slotAndVariable(name: string): readonly [slot: string, variable: string] | undefined {
  if (name.startsWith("variable/")) return ["variable", name.slice("variable/".length)];
  const match = /^optimiser\/([^/]+)\/(.+)$/s.exec(name);
  return match === null ? undefined : [match[1] as string, match[2] as string];
}

/**
 * Lays all variables end to end in one vector, and each of the optimizer's accumulators likewise, and makes one update
 * over the vectors of what were equal updates of every variable. Small networks spend most of a step in the many
 * operators of their optimizer: these become as few as for a single variable. The variables are cut out again for the
 * forward pass, and the gradients laid end to end once.
 *
 * The arithmetic on each number is the same, so the result is too, bit for bit.
 */
export function flattenState(step: StepGraph): FlatStep {
  const slots = new Map<string, Map<string, StepState>>();
  const carried: CarriedState[] = [];
  const alone = ({ name, before, after }: StepState) =>
    carried.push({ parts: [{ name, shape: before.shape }], before, after });
  for (const state of step.states) {
    const place = slotAndVariable(state.name);
    if (place === undefined) {
      alone(state);
      continue;
    }
    const [slot, variable] = place;
    const members = slots.get(slot) ?? new Map<string, StepState>();
    slots.set(slot, members.set(variable, state));
  }
  // A variable that the loss does not reach keeps its value and stays out of the vectors.
  const names = [...(slots.get("variable")?.keys() ?? [])];
  const moving = names.filter((name) => [...slots.values()].every((slot) => slot.has(name) && moves(slot.get(name))));
  for (const slot of slots.values()) {
    for (const [name, state] of slot) if (!moving.includes(name)) alone(state);
  }
  if (moving.length === 0) return { ...step, carried };

  const columns = [...slots.values()].map((slot) => moving.map((name) => slot.get(name) as StepState));
  const packer = new Packer(step.nodes);
  const cut = new GraphBuilder();
  const befores = columns.map((states) => {
    const values = states.map(({ before }) => before);
    const flat: Value = { type: "float32", shape: flatShape(values) };
    packer.know(values, flat);
    return flat;
  });
  columns.forEach((states, index) => {
    const after = packer.pack(states.map((state) => state.after));
    const parts = states.map(({ name, before }) => ({ name, shape: before.shape }));
    carried.push({ parts, before: befores[index] as Value, after });
  });
  // What reads a single variable reads its piece of the vector.
  columns.forEach((states, index) => {
    const sizes = states.map(({ before }) => size(before.shape));
    const flat = befores[index] as Value;
    const pieces =
      sizes.length === 1
        ? [flat]
        : cut.addMany(
            "Split",
            [flat, int64Vector(sizes)],
            "float32",
            sizes.map((length) => [1, length]),
            { axis: 1 },
          );
    states.forEach(({ before }, member) => {
      const piece = pieces[member] as Value;
      cut.nodes.push({
        op: "Reshape",
        inputs: [piece, int64Vector(before.shape)],
        outputs: [before],
        attributes: {},
      });
    });
  });
  return { ...step, nodes: [...cut.nodes, ...step.nodes, ...packer.builder.nodes], carried };
}

function moves(state: StepState | undefined): boolean {
  return state !== undefined && state.before !== state.after;
}

/** Turns tuples of values, one for each variable, into single vectors. */
class Packer {
  readonly builder = new GraphBuilder();
  private readonly makers: ReadonlyMap<Value, Node>;
  private readonly ids = new Map<Value, number>();
  private readonly packed = new Map<string, Value>();

  constructor(nodes: readonly Node[]) {
    this.makers = producers({ inputs: [], outputs: [], nodes });
  }

  /** Declares what a tuple is laid end to end. */
  know(tuple: readonly Value[], flat: Value): void {
    this.packed.set(this.key(tuple), flat);
  }

  /** The tuple's values laid end to end: one operator over vectors where every value comes from the same operator. */
  pack(tuple: readonly Value[]): Value {
    const key = this.key(tuple);
    const known = this.packed.get(key);
    if (known !== undefined) return known;
    const flat = this.together(tuple) ?? this.endToEnd(tuple);
    this.packed.set(key, flat);
    return flat;
  }

  private key(tuple: readonly Value[]): string {
    return tuple
      .map((value) => {
        const id = this.ids.get(value) ?? this.ids.size;
        this.ids.set(value, id);
        return id;
      })
      .join();
  }

  private together(tuple: readonly Value[]): Value | undefined {
    const nodes = tuple.map((value) => this.makers.get(value));
    const [first] = nodes;
    if (first === undefined || !(BROADCASTING.has(first.op) || ELEMENTWISE_UNARY.has(first.op))) return undefined;
    const alike = nodes.every(
      (node) =>
        node?.op === first.op &&
        node.inputs.length === first.inputs.length &&
        attributesKey(node.attributes) === attributesKey(first.attributes),
    );
    if (!alike) return undefined;
    const operands: Value[] = [];
    for (let position = 0; position < first.inputs.length; position++) {
      const members = nodes.map((node) => node?.inputs[position] as Value);
      const operand = this.operand(tuple, members);
      if (operand === undefined) return undefined;
      operands.push(operand);
    }
    return this.builder.add(first.op, operands, tuple[0]?.type ?? "float32", flatShape(tuple), first.attributes);
  }

  /** One operand for all: a number that they share, or the members' own vector. */
  private operand(tuple: readonly Value[], members: readonly Value[]): Value | undefined {
    const first = members[0] as Value;
    if (members.every((member) => member === first) && size(first.shape) === 1) {
      return first.constant === undefined ? reshape(this.builder, first, []) : { ...first, shape: [] };
    }
    const splat = splatOf(first);
    if (splat !== undefined && members.every((member) => splatOf(member) === splat)) return floatScalar(splat);
    const whole = members.every((member, index) => sameShape(member.shape, tuple[index]?.shape ?? []));
    return whole ? this.pack(members) : undefined;
  }

  private endToEnd(tuple: readonly Value[]): Value {
    const pieces = tuple.map((value) => {
      const shape = flatShape([value]);
      return value.constant === undefined
        ? reshape(this.builder, value, shape)
        : constantValue(value.type, shape, value.constant);
    });
    if (pieces.length === 1) return pieces[0] as Value;
    return this.builder.add("Concat", pieces, pieces[0]?.type ?? "float32", flatShape(tuple), { axis: 1 });
  }
}

/** One row: what a product with a row of ones gives for a bias is already laid out like that. */
function flatShape(tuple: readonly Value[]): number[] {
  return [1, tuple.reduce((sum, { shape }) => sum + size(shape), 0)];
}

import type { TrainingState } from "../../interface/program.ts";
import { type Node, size, type Value } from "../graph/ir.ts";
import type { CarriedState, FlatStep } from "./flat-state.ts";

/** Arithmetic that rounds alike here and in the generated code: IEEE operations on float32. */
const EXACT = ["Add", "Sub", "Mul", "Div", "Neg", "Sqrt", "Identity"] as const;
type ExactOperator = (typeof EXACT)[number];

function isExact(op: string): op is ExactOperator {
  return (EXACT as readonly string[]).includes(op);
}

/** A step without the arithmetic on plain numbers that no data enters. */
export interface ScheduledStep extends Omit<FlatStep, "rate" | "negativeRate"> {
  /** Numbers that the step reads, one of each a step: column `index` of the schedule. */
  readonly scheduled: readonly Value[];
}

interface Instruction {
  readonly op: ExactOperator;
  readonly a: number;
  readonly b: number;
  readonly into: number;
}

/**
 * The part of a step that is arithmetic on single numbers and depends on no data: learning rates, and state such as
 * Adam's beta powers. It is computed ahead for all steps of a chunk, a few operations a step, and the results enter the
 * step as inputs.
 */
export class ScalarSchedule {
  /** Names of the state tensors that live here. */
  readonly states: readonly string[];
  private readonly registers: Float32Array;
  private readonly before: readonly number[];
  private readonly after: readonly number[];
  private readonly rate: number;
  private readonly negativeRate: number;
  private readonly outputs: readonly number[];
  private readonly instructions: readonly Instruction[];

  constructor(step: FlatStep, states: readonly CarriedState[], nodes: readonly Node[], scheduled: readonly Value[]) {
    const numbers = new Map<Value, number>();
    const values: number[] = [];
    const register = (value: Value): number => {
      const known = numbers.get(value);
      if (known !== undefined) return known;
      numbers.set(value, values.length);
      values.push(value.constant === undefined ? 0 : Number(value.constant[0]));
      return values.length - 1;
    };
    this.states = states.map(({ parts }) => parts[0]?.name as string);
    this.before = states.map(({ before }) => register(before));
    this.rate = register(step.rate);
    this.negativeRate = register(step.negativeRate);
    this.instructions = nodes.map((node) => ({
      op: node.op as ExactOperator,
      a: register(node.inputs[0] as Value),
      b: register((node.inputs[1] ?? node.inputs[0]) as Value),
      into: register(node.outputs[0] as Value),
    }));
    this.after = states.map(({ after }) => register(after));
    this.outputs = scheduled.map(register);
    this.registers = Float32Array.from(values);
  }

  /**
   * Runs ahead. @param state values of `states`; not changed @param rates one a step
   * @returns a column of numbers for each scheduled input, and the state after the last step
   */
  run(state: Float32Array, rates: Float32Array): { readonly columns: Float32Array[]; readonly state: Float32Array } {
    const registers = this.registers.slice();
    this.before.forEach((register, index) => {
      registers[register] = state[index] as number;
    });
    const columns = this.outputs.map(() => new Float32Array(rates.length));
    const last = state.slice();
    // Counted loops and no closures: a small network's step takes less than a microsecond.
    for (let step = 0; step < rates.length; step++) {
      registers[this.rate] = rates[step] as number;
      registers[this.negativeRate] = -(rates[step] as number);
      for (const instruction of this.instructions) execute(instruction, registers);
      for (let index = 0; index < columns.length; index++) {
        (columns[index] as Float32Array)[step] = registers[this.outputs[index] as number] as number;
      }
      for (let index = 0; index < last.length; index++) {
        last[index] = registers[this.after[index] as number] as number;
      }
      for (let index = 0; index < last.length; index++) {
        registers[this.before[index] as number] = last[index] as number;
      }
    }
    return { columns, state: last };
  }

  /** The values of `states` in a state. */
  stateOf(state: TrainingState): Float32Array {
    return Float32Array.from(this.states, (name) => state[name]?.values[0] as number);
  }
}

/** Below the normal float32: Adam's beta powers fade into these, on which processors are many times slower. */
const SMALLEST_NORMAL = 2 ** -126;

/** Registers are float32: storing rounds as the operation in float32 does. Denormal results become zero. */
function execute({ op, a, b, into }: Instruction, registers: Float32Array): void {
  const result = computed(op, registers[a] as number, registers[b] as number);
  registers[into] = Math.abs(result) < SMALLEST_NORMAL ? 0 : result;
}

function computed(op: ExactOperator, a: number, b: number): number {
  switch (op) {
    case "Add":
      return a + b;
    case "Sub":
      return a - b;
    case "Mul":
      return a * b;
    case "Div":
      return a / b;
    case "Neg":
      return -a;
    case "Sqrt":
      return Math.sqrt(a);
    case "Identity":
      return a;
  }
}

/** Takes the data-free arithmetic on numbers out of a step. */
export function scheduleScalars(flat: FlatStep): { readonly step: ScheduledStep; readonly schedule: ScalarSchedule } {
  let candidates = flat.carried.filter(({ before, parts }) => parts.length === 1 && size(before.shape) === 1);
  for (;;) {
    const known = knownAhead(flat, candidates);
    const kept = candidates.filter(({ after }) => known.has(after));
    if (kept.length === candidates.length) return takeOut(flat, candidates, known);
    candidates = kept;
  }
}

/** The values that follow from the candidates' state, the learning rate and constants alone. */
function knownAhead(flat: FlatStep, candidates: readonly CarriedState[]): ReadonlySet<Value> {
  const known = new Set<Value>([flat.rate, flat.negativeRate, ...candidates.map(({ before }) => before)]);
  const isKnown = (value: Value | null) =>
    value !== null && (known.has(value) || (value.constant instanceof Float32Array && value.constant.length === 1));
  for (const node of flat.nodes) {
    const output = node.outputs[0] as Value;
    if (isExact(node.op) && size(output.shape) === 1 && node.inputs.every(isKnown)) known.add(output);
  }
  return known;
}

function takeOut(
  flat: FlatStep,
  states: readonly CarriedState[],
  known: ReadonlySet<Value>,
): { readonly step: ScheduledStep; readonly schedule: ScalarSchedule } {
  const ahead = flat.nodes.filter((node) => known.has(node.outputs[0] as Value));
  const nodes = flat.nodes.filter((node) => !known.has(node.outputs[0] as Value));
  const carried = flat.carried.filter((state) => !states.includes(state));
  const read = new Set<Value>([flat.loss, ...carried.map(({ after }) => after)]);
  for (const node of nodes) for (const input of node.inputs) if (input !== null) read.add(input);
  const scheduled = [...known].filter((value) => read.has(value));
  const schedule = new ScalarSchedule(flat, states, ahead, scheduled);
  const { batch, loss } = flat;
  return { step: { nodes, carried, batch, loss, scheduled }, schedule };
}

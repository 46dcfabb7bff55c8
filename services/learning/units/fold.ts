import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { StateTensor, TrainingState } from "../../engine/interface/program.ts";

/** Values added between yields to the event loop: a few milliseconds. */
const SLICE = 1_000_000;

/**
 * Averages the states of all slots: weights and the optimizer's accumulators alike. Sums in float64 in the order of the
 * slots and rounds once, so that equal states in equal order give equal bits, whoever computed them and when.
 *
 * @param states by slot, of one program
 * @throws UncoupleError `internal` if they are not of one program
 */
export async function foldStates(states: readonly TrainingState[]): Promise<TrainingState> {
  const [first] = states;
  if (first === undefined) throw new UncoupleError("internal", "no states to average");
  if (states.length === 1) return first;
  const folded: Record<string, StateTensor> = {};
  let sinceYield = 0;
  for (const [name, { shape, values }] of Object.entries(first)) {
    const columns = states.map((state) => {
      const column = state[name]?.values;
      if (column?.length !== values.length) throw new UncoupleError("internal", `the slots' states differ in ${name}`);
      return column;
    });
    const mean = new Float32Array(values.length);
    for (let from = 0; from < mean.length; from += SLICE) {
      const to = Math.min(mean.length, from + SLICE);
      average(columns, mean, from, to);
      sinceYield += (to - from) * columns.length;
      if (sinceYield < SLICE) continue;
      sinceYield = 0;
      await yieldToEventLoop();
    }
    folded[name] = { shape, values: mean };
  }
  return folded;
}

function average(columns: readonly Float32Array[], into: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    let sum = 0;
    for (const column of columns) sum += column[i] as number;
    into[i] = sum / columns.length;
  }
}

/** Averages the losses of all slots, step by step. @param losses by slot, [count] each @returns [count] */
export function foldLosses(losses: readonly Float32Array[]): Float32Array {
  const [first] = losses;
  if (first === undefined) throw new UncoupleError("internal", "no losses to average");
  if (losses.length === 1) return first;
  const mean = new Float32Array(first.length);
  average(losses, mean, 0, mean.length);
  return mean;
}

import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { type PackedState, readValues, sameLayout, valuesOffset } from "../../engine/interface/packed-state.ts";

/** Values of all states averaged between yields to the event loop: a few milliseconds. */
const SLICE = 1_000_000;

/**
 * Averages the states of all slots: weights and the optimizer's accumulators alike. Sums in float64 in the order of the
 * slots and rounds once, so that equal states in equal order give equal bits, whoever computed them and when. Takes no
 * more memory than the average: states may have hundreds of megabytes.
 *
 * @param states by slot, of one program
 * @throws UncoupleError `internal` if they are not of one program
 */
export async function foldStates(states: readonly PackedState[]): Promise<PackedState> {
  const [first] = states;
  if (first === undefined) throw new UncoupleError("internal", "no states to average");
  if (states.length === 1) return first;
  if (!states.every(({ bytes }) => sameLayout(bytes, first.bytes))) {
    throw new UncoupleError("internal", "the slots' states have different tensors");
  }
  const bytes = new Uint8Array(first.bytes.length);
  const start = valuesOffset(first.bytes);
  bytes.set(first.bytes.subarray(0, start));
  const length = Math.max(1, Math.floor(SLICE / states.length));
  const columns = states.map(() => new Float32Array(length));
  const mean = new Float32Array(length);
  for (let at = start; at < bytes.length; at += 4 * length) {
    if (at > start) await yieldToEventLoop();
    const count = Math.min(length, (bytes.length - at) / 4);
    for (const [slot, column] of columns.entries()) readValues((states[slot] as PackedState).bytes, at, count, column);
    average(columns, mean, count);
    bytes.set(new Uint8Array(mean.buffer, 0, 4 * count), at);
  }
  return { digest: await sha256(bytes), bytes };
}

function average(columns: readonly Float32Array[], into: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
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
  average(losses, mean, mean.length);
  return mean;
}

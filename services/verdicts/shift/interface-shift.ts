import { yieldToEventLoop } from "../../common/async/yield.ts";
import { square } from "../../common/elementary.ts";
import type { CoordinateShift, InterfaceShift } from "../../pipeline/interface-shift.ts";
import { selectInPlace } from "../paired/select.ts";

/** The tails of the old output that do not count as its range, on each side. */
const TAIL = 0.001;
/** Most coordinates that a verdict lists. */
const MOST_LISTED = 16;
/** Values handled before yielding to the event loop: a few milliseconds. */
const VALUES_PER_TURN = 200_000;

/**
 * Measures how far an output moved.
 *
 * @param current output of the snapshot in use, [rows * width], at least one row; @param candidate output of the announced
 *   snapshot, [rows * width]
 */
export async function measureShift(
  current: Float32Array,
  candidate: Float32Array,
  width: number,
): Promise<Pick<InterfaceShift, "shift" | "outside" | "coordinates">> {
  const rows = current.length / width;
  const isOutside = { current: new Uint8Array(rows), candidate: new Uint8Array(rows) };
  const coordinates: CoordinateShift[] = [];
  let handled = 0;
  for (let index = 0; index < width; index++) {
    const { low, high, spread } = describeCoordinate(current, index, width);
    if (rows > VALUES_PER_TURN) await yieldToEventLoop();
    let moved = 0;
    let outside = 0;
    for (let row = 0; row < rows; row++) {
      const old = current[row * width + index] as number;
      const value = candidate[row * width + index] as number;
      moved += Math.abs(value - old);
      if (old < low || old > high) isOutside.current[row] = 1;
      if (value >= low && value <= high) continue;
      isOutside.candidate[row] = 1;
      outside += 1;
    }
    coordinates.push({ index, shift: moved / rows / spread, outside: outside / rows });
    handled += rows;
    if (handled < VALUES_PER_TURN) continue;
    handled = 0;
    await yieldToEventLoop();
  }
  return {
    shift: coordinates.reduce((sum, { shift }) => sum + shift, 0) / width,
    outside: { current: share(isOutside.current), candidate: share(isOutside.candidate) },
    coordinates: coordinates.sort((a, b) => b.shift - a.shift || a.index - b.index).slice(0, MOST_LISTED),
  };
}

/**
 * The range of a coordinate between its outer quantiles, rounded outward to values that it has, and its standard deviation.
 * One that does not vary counts in its own units, as it does for consumers, which standardize what they read.
 */
function describeCoordinate(output: Float32Array, index: number, width: number) {
  const rows = output.length / width;
  const values = new Float64Array(rows);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const value = output[row * width + index] as number;
    values[row] = value;
    sum += value;
  }
  const center = sum / rows;
  let squares = 0;
  for (const value of values) squares += square(value - center);
  const spread = Math.sqrt(squares / rows);
  // A smaller spread is the rounding error in the mean of a constant.
  const varies = spread > 1e-9 * Math.abs(center);
  const low = selectInPlace(values, Math.floor(TAIL * (rows - 1)));
  const high = selectInPlace(values, Math.ceil((1 - TAIL) * (rows - 1)));
  return { low, high, spread: varies ? spread : 1 };
}

function share(marks: Uint8Array): number {
  return marks.reduce((sum, mark) => sum + mark, 0) / marks.length;
}

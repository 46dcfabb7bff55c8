import type { Measured } from "./measurements.ts";
import type { Point, SearchSpace } from "./search-space.ts";

/** Backfitting rounds; the numbers settle to a few percent of what the losses differ by. */
const ROUNDS = 20;
/** Pulls numbers that few measurements support toward 0, as so many measurements without an effect would. */
const SHRINKAGE = 0.03;

/** Predicts the losses of points. */
export interface LossModel {
  predict(point: Point): number;
  /** What the loss changes by from one point to another that differs in the components of a block only. @param block its place */
  change(from: Point, to: Point, block: number): number;
}

/**
 * Fits a model of the loss to what was measured: a sum of one number for each snapshot and one for each pair of snapshots
 * along an edge, by least squares with shrinkage (backfitting: each table in turn takes the mean of what the others leave).
 *
 * @param measured with finite losses, at least one
 */
export function fitLossModel(
  blocks: readonly (readonly number[])[],
  choices: SearchSpace["choices"],
  measured: readonly Measured[],
): LossModel {
  const sizes = choices.map(({ length }) => length);
  function placeIn(block: readonly number[], point: Point): number {
    let place = 0;
    for (const at of block) place = place * (sizes[at] as number) + (point[at] as number);
    return place;
  }
  const tables = blocks.map((block) => {
    const places = Int32Array.from(measured, ({ point }) => placeIn(block, point));
    const size = block.reduce((product, at) => product * (sizes[at] as number), 1);
    const counts = new Float64Array(size);
    for (const place of places) counts[place] = (counts[place] as number) + 1;
    return { block, places, counts, values: new Float64Array(size) };
  });
  const center = measured.reduce((sum, { loss }) => sum + loss / measured.length, 0);
  const rest = Float64Array.from(measured, ({ loss }) => loss - center);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { places, counts, values } of tables) {
      const sums = new Float64Array(values.length);
      for (const [index, place] of places.entries()) sums[place] = (sums[place] as number) + (rest[index] as number);
      // What the table's numbers change by: the rest is what they leave already.
      const steps = sums.map((sum, place) => {
        const count = counts[place] as number;
        const value = values[place] as number;
        return count === 0 ? 0 : (sum + count * value) / (count + SHRINKAGE) - value;
      });
      for (const [index, place] of places.entries()) rest[index] = (rest[index] as number) - (steps[place] as number);
      for (const [place, step] of steps.entries()) values[place] = (values[place] as number) + step;
    }
  }
  const touching = blocks.map((block) => tables.filter((table) => table.block.some((at) => block.includes(at))));
  return {
    predict(point) {
      let sum = center;
      for (const { block, values } of tables) sum += values[placeIn(block, point)] as number;
      return sum;
    },
    change(from, to, place) {
      let sum = 0;
      for (const { block, values } of touching[place] as typeof tables)
        sum += (values[placeIn(block, to)] as number) - (values[placeIn(block, from)] as number);
      return sum;
    },
  };
}

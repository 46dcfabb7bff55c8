import { square } from "../../common/elementary.ts";

/**
 * A k-d tree for nearest-neighbor queries (Bentley 1975). A query takes about log(n) time instead of n if points have
 * few coordinates.
 */
export interface NearestPoints {
  /** @returns the index of the point nearest to the query; the lowest one on ties */
  nearest(query: ArrayLike<number>): number;
}

/** Builds the tree. @param values [points * width] @param points indices of the points to search, at least one */
export function indexPoints(values: Float32Array, width: number, points: readonly number[]): NearestPoints {
  const order = Int32Array.from(points);
  arrange(0, order.length, 0);
  const coordinate = (point: number, axis: number) => values[point * width + axis] as number;

  /**
   * Moves the median of order[from, to) along the axis to the middle, smaller points before it; recurses into both
   * halves.
   */
  function arrange(from: number, to: number, axis: number): void {
    if (to - from < 2) return;
    const sorted = order.subarray(from, to).slice();
    sorted.sort((a, b) => (values[a * width + axis] as number) - (values[b * width + axis] as number) || a - b);
    order.set(sorted, from);
    const middle = (from + to) >> 1;
    const next = (axis + 1) % width;
    arrange(from, middle, next);
    arrange(middle + 1, to, next);
  }

  return {
    nearest(query) {
      let best = -1;
      let bestDistance = Number.POSITIVE_INFINITY;
      const visit = (from: number, to: number, axis: number): void => {
        if (from >= to) return;
        const middle = (from + to) >> 1;
        const point = order[middle] as number;
        let distance = 0;
        for (let k = 0; k < width; k++) distance += square((query[k] as number) - coordinate(point, k));
        if (distance < bestDistance || (distance === bestDistance && point < best)) {
          best = point;
          bestDistance = distance;
        }
        const offset = (query[axis] as number) - coordinate(point, axis);
        const next = (axis + 1) % width;
        if (offset < 0) visit(from, middle, next);
        else visit(middle + 1, to, next);
        if (offset * offset > bestDistance) return;
        if (offset < 0) visit(middle + 1, to, next);
        else visit(from, middle, next);
      };
      visit(0, order.length, 0);
      return best;
    },
  };
}

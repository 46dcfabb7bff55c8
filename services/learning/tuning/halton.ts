import { createRandom } from "../../data/random/random.ts";

/** Bases of the dimensions. */
const PRIMES = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
  113, 127, 131,
];
/** Digits beyond this size do not change a double in [0, 1). */
const SMALLEST = 2 ** -53;

/**
 * A coordinate of a point of the randomized Halton sequence (Owen 2017, "A randomized Halton algorithm in R"): the radical
 * inverse of the point's number in the base of the dimension, each of whose digits a random permutation replaces. Every
 * point is uniform, and the points of a range lie more evenly than random ones.
 *
 * @param index of the point, from 0
 * @param dimension from 0, below 32
 * @returns in [0, 1); a function of the seed, the index and the dimension alone
 */
export function haltonAt(seed: number, index: number, dimension: number): number {
  const base = PRIMES[dimension] as number;
  const random = createRandom(seed, `halton/${dimension}`);
  let rest = index;
  let value = 0;
  for (let digit = 0, scale = 1 / base; scale > SMALLEST; digit += 1, scale /= base) {
    random.seek(digit);
    value += scale * (random.permutation(base)[rest % base] as number);
    rest = Math.floor(rest / base);
  }
  return Math.min(value, 1 - SMALLEST);
}

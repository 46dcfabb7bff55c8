import { exp } from "./elementary.ts";

/** A source of random bits: splitmix32, a Weyl sequence, mixed (Steele, Lea & Flood 2014; constants by Tommy Ettinger). */
export interface RandomBits {
  state: number;
}

/** @param seed an integer; equal seeds give equal bits on every machine */
export function createRandomBits(seed: number): RandomBits {
  return { state: seed | 0 };
}

/** What the state advances by for every 32 bits. */
export const GOLDEN_GAMMA = 0x9e3779b9;

/** @returns 32 random bits */
export function nextBits(random: RandomBits): number {
  random.state = (random.state + GOLDEN_GAMMA) | 0;
  let bits = Math.imul(random.state ^ (random.state >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return bits ^ (bits >>> 15);
}

/** Derives a seed from the names of a comparison, so that judging it again gives the same numbers (FNV-1a, 32 bits). */
export function seedOf(...names: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of names.join("/")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  }
  return hash >>> 0;
}

/** Weights above it (one in a million) are truncated. */
export const MOST_WEIGHT = 8;

/** Maps 16 uniform bits to a Poisson(1) weight by inversion. */
const WEIGHT_OF_BITS = poissonTable();

/** For each weight from 1 to 8, the smallest of 2^16 numbers that is mapped to it or to a larger one. */
export function weightThresholds(): readonly number[] {
  const thresholds: number[] = [];
  let probability = exp(-1);
  let cumulative = 0;
  for (let weight = 1; weight <= MOST_WEIGHT; weight++) {
    cumulative += probability;
    thresholds.push(Math.round(cumulative * 2 ** 16));
    probability /= weight;
  }
  return thresholds;
}

function poissonTable(): Uint8Array {
  const table = new Uint8Array(2 ** 16);
  for (const [index, threshold] of weightThresholds().entries()) table.fill(index + 1, threshold);
  return table;
}

/** Fills the array with independent Poisson(1) weights: two from every 32 random bits. */
export function drawWeights(weights: Uint8Array, random: RandomBits): void {
  const even = weights.length - (weights.length % 2);
  // Without `| 0`, V8 adds floating-point numbers in every turn, which takes more than twice as long.
  const gamma = GOLDEN_GAMMA | 0;
  let state = random.state;
  for (let unit = 0; unit < even; unit += 2) {
    // `next`, inlined: a call for every draw would double the time.
    state = (state + gamma) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits ^= bits >>> 15;
    weights[unit] = WEIGHT_OF_BITS[bits & 0xffff] as number;
    weights[unit + 1] = WEIGHT_OF_BITS[bits >>> 16] as number;
  }
  random.state = state;
  if (even < weights.length) weights[even] = WEIGHT_OF_BITS[nextBits(random) & 0xffff] as number;
}

/**
 * Divides 0 to `count - 1` into classes whose sizes differ by at most one: each run of as many numbers as there are classes
 * is dealt out in turn, from a random class on, so that no order or period of the numbers coincides with the classes.
 *
 * @returns [count]: classes
 */
export function randomClasses(count: number, classes: number, random: RandomBits): Int32Array {
  const assigned = new Int32Array(count);
  for (let start = 0; start < count; start += classes) {
    let at = Math.floor((nextBits(random) >>> 0) * (classes / 2 ** 32));
    const end = Math.min(count, start + classes);
    for (let i = start; i < end; i++) {
      assigned[i] = at;
      at = at + 1 === classes ? 0 : at + 1;
    }
  }
  return assigned;
}

import { yieldToEventLoop } from "../../common/async/yield.ts";
import { drawWeights, type RandomBits } from "./random-weights.ts";

/** Resamples in a block. */
export const LANES = 4;

/** Weights handled before yielding to the event loop: a few milliseconds. */
export const WEIGHTS_PER_TURN = 1_000_000;

/** The weights of many resamples of the same units. */
export interface UnitWeights {
  /** Of four resamples each, [units]: a unit's weight in each of them, 4 bits each, the first in the lowest. */
  readonly blocks: readonly Uint16Array[];
  /** By resample: the weighted sum of the units' sizes, never 0, and that of their squares. */
  readonly size: Float64Array;
  readonly sizeSquares: Float64Array;
}

/**
 * Draws Poisson weights for `count` resamples, a multiple of four, and keeps them: comparisons on the same rows with the
 * same seed have the same weights. They hold until the next call, so comparisons that run at the same time cannot share.
 *
 * @param sizes of the units
 */
export type DrawShared = (random: RandomBits, sizes: Float64Array, count: number) => Promise<UnitWeights>;

interface Drawn {
  readonly before: number;
  readonly after: number;
  readonly sizes: Float64Array;
  /** The memory of all blocks. */
  readonly packed: Uint16Array;
  readonly weights: UnitWeights;
}

/** Keeps the weights that were drawn last, and their memory for those of the next rows: 2.5 MB for 2500 units and 2000 resamples. */
export function createSharedWeights(): DrawShared {
  let last: Drawn | undefined;
  return async (random, sizes, count) => {
    const isKnown = last?.before === random.state && last.weights.size.length === count && areEqual(last.sizes, sizes);
    if (!isKnown) {
      const before = random.state;
      const length = (sizes.length * count) / LANES;
      const packed = last?.packed.length === length ? last.packed : new Uint16Array(length);
      last = undefined;
      const weights = await drawBlocks(random, sizes, count, packed);
      last = { before, after: random.state, sizes, packed, weights };
    }
    const { after, weights } = last as Drawn;
    random.state = after;
    return weights;
  };
}

async function drawBlocks(
  random: RandomBits,
  sizes: Float64Array,
  count: number,
  packed: Uint16Array,
): Promise<UnitWeights> {
  const units = sizes.length;
  const terms = new Float64Array(2 * units);
  for (let unit = 0; unit < units; unit++) {
    const size = sizes[unit] as number;
    terms.set([size, size * size], 2 * unit);
  }
  const blocks: Uint16Array[] = [];
  const lanes = Array.from({ length: LANES }, () => new Uint8Array(units));
  const size = new Float64Array(count);
  const sizeSquares = new Float64Array(count);
  const perTurn = Math.max(1, Math.floor(WEIGHTS_PER_TURN / units / LANES));
  for (let first = 0; first < count; first += LANES) {
    for (const weights of lanes) {
      // All weights 0: possible with a handful of units only; such a resample does not exist.
      do drawWeights(weights, random);
      while (isEmpty(weights, sizes));
    }
    const block = packed.subarray((first / LANES) * units, (first / LANES + 1) * units);
    packWeights(lanes, block, terms, size.subarray(first), sizeSquares.subarray(first));
    blocks.push(block);
    if (blocks.length % perTurn === 0) await yieldToEventLoop();
  }
  return { blocks, size, sizeSquares };
}

function isEmpty(weights: Uint8Array, sizes: Float64Array): boolean {
  return weights.every((weight, unit) => weight === 0 || sizes[unit] === 0);
}

/** Packs a block and sums the sizes in its resamples. @param terms [2 * units]: a unit's size and its square */
function packWeights(
  lanes: readonly Uint8Array[],
  block: Uint16Array,
  terms: Float64Array,
  size: Float64Array,
  sizeSquares: Float64Array,
): void {
  const [first, second, third, fourth] = lanes as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  let [n0, n1, n2, n3] = [0, 0, 0, 0];
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let unit = 0, at = 0; unit < block.length; unit++, at += 2) {
    const w0 = first[unit] as number;
    const w1 = second[unit] as number;
    const w2 = third[unit] as number;
    const w3 = fourth[unit] as number;
    block[unit] = w0 | (w1 << 4) | (w2 << 8) | (w3 << 12);
    const n = terms[at] as number;
    n0 += w0 * n;
    n1 += w1 * n;
    n2 += w2 * n;
    n3 += w3 * n;
    const s = terms[at + 1] as number;
    s0 += w0 * s;
    s1 += w1 * s;
    s2 += w2 * s;
    s3 += w3 * s;
  }
  size.set([n0, n1, n2, n3]);
  sizeSquares.set([s0, s1, s2, s3]);
}

function areEqual(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

import { yieldToEventLoop } from "../../common/async/yield.ts";
import { GOLDEN_GAMMA } from "../../common/random-weights.ts";
import { PAGE_BYTES } from "../../common/wasm/module-builder.ts";
import {
  createPoissonKernels,
  NUMBER_BYTES,
  TABLE_BYTES,
  TERMS,
  UNITS_PER_WORD,
  WORD_BYTES,
} from "./poisson-kernels.ts";

/** Weights handled before yielding to the event loop: a few milliseconds. */
export const WEIGHTS_PER_TURN = 1_000_000;

/** Where things are in memory, in bytes. */
interface Layout {
  readonly units: number;
  /** Of resamples. */
  readonly count: number;
  /** [word]: which of its weights are of units with rows. */
  readonly masks: number;
  /** [16 * words, 4] */
  readonly terms: number;
  /** [count, 4] */
  readonly sums: number;
  /** [word, count]: weights. */
  readonly words: number;
  readonly end: number;
}

function layoutOf(units: number, count: number): Layout {
  const words = Math.ceil(units / UNITS_PER_WORD);
  const terms = TABLE_BYTES + words * WORD_BYTES;
  const sums = terms + words * UNITS_PER_WORD * TERMS * NUMBER_BYTES;
  const first = sums + count * TERMS * NUMBER_BYTES;
  return { units, count, masks: TABLE_BYTES, terms, sums, words: first, end: first + words * count * WORD_BYTES };
}

/** Resamples of units with Poisson weights, which are kept for any number of sums. One call at a time. */
export class PoissonResamples {
  private readonly kernels = createPoissonKernels();
  private layout = layoutOf(0, 0);

  /**
   * Draws the weights of `count` resamples, each of which has at least one row.
   *
   * @param state of the random bits @param sizes rows of the units
   * @returns the state afterward
   */
  async draw(state: number, sizes: Float64Array, count: number): Promise<number> {
    this.layout = layoutOf(sizes.length, count);
    const { units, masks, terms, words, end } = this.layout;
    const { memory, draw } = this.kernels;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    const mask = new Uint8Array(memory.buffer, masks, terms - masks).fill(0);
    for (let unit = 0; unit < units; unit++) {
      if (sizes[unit] !== 0) mask[unit >> 1] = (mask[unit >> 1] as number) | (unit % 2 === 0 ? 0x0f : 0xf0);
    }
    // 32 random bits make two weights.
    const advance = Math.imul(Math.ceil(units / 2), GOLDEN_GAMMA);
    const perTurn = Math.max(1, Math.floor(WEIGHTS_PER_TURN / units));
    let next = state;
    for (let drawn = 0; drawn < count; ) {
      // Without any row: possible with a handful of units only; such a resample does not exist.
      drawn += draw(next, words + drawn * WORD_BYTES, count * WORD_BYTES, masks, terms);
      next = (next + advance) | 0;
      if (drawn % perTurn === 0) await yieldToEventLoop();
    }
    return next;
  }

  /**
   * Sums numbers of the units with the weights of every resample.
   *
   * @param write sets the four numbers of a unit at an index of [units, 4]
   * @returns [count, 4], valid until the next call
   */
  async sum(write: (terms: Float64Array, unit: number, at: number) => void): Promise<Float64Array> {
    const { units, count, terms, sums, words, end } = this.layout;
    const { memory, sum } = this.kernels;
    const fed = new Float64Array(memory.buffer, terms, (sums - terms) / NUMBER_BYTES).fill(0);
    for (let unit = 0; unit < units; unit++) write(fed, unit, unit * TERMS);
    const summed = new Float64Array(memory.buffer, sums, count * TERMS).fill(0);
    const stride = count * WORD_BYTES;
    const perTurn = Math.max(1, Math.floor(WEIGHTS_PER_TURN / UNITS_PER_WORD / count));
    for (let word = 0; words + word * stride < end; word++) {
      const first = words + word * stride;
      sum(first, first + stride, terms + word * UNITS_PER_WORD * TERMS * NUMBER_BYTES, sums);
      if ((word + 1) % perTurn === 0) await yieldToEventLoop();
    }
    return summed;
  }
}

import { UncoupleError } from "../../common/errors.ts";
import { gaussianFromBits } from "./gaussian-bits.ts";
import { threefry4x32 } from "./threefry.ts";

/**
 * A seeded random number generator with the same results on every machine. It is keyed by (seed, stream, counter): the
 * numbers of training step s are those of `createRandom(seed, "noise", s)`, whatever was drawn before, so that a run
 * resumes without stored random state.
 *
 * Bits come from Threefry-4x32-20 (integer arithmetic); uniform numbers are exact scalings of the bits; Gaussian numbers
 * apply the inverse distribution function to 32 random bits (see gaussian-bits.ts), using only IEEE 754 additions,
 * multiplications, divisions and square roots in a fixed order.
 */
export interface Random {
  /** Moves to the first number of a counter, with the same seed and stream. */
  seek(counter: number): void;
  /** An integer in [0, 2^32). */
  uint32(): number;
  /** In [0, 1), a multiple of 2^-53. */
  uniform(): number;
  /** Standard normal; |value| < 6.4. */
  gaussian(): number;
  /** An integer in [0, n), without modulo bias. @throws UncoupleError `invalid-argument` unless 1 <= n <= 2^32 */
  below(n: number): number;
  /** Shuffles in place (Fisher-Yates). */
  shuffle(values: Int32Array): void;
  /** The numbers 0 to n - 1 in random order. */
  permutation(n: number): Int32Array;
  /** Fills `values[start, end)` with uniform numbers in [0, 1), multiples of 2^-24. */
  fillUniform(values: Float32Array, start?: number, end?: number): void;
  /** Fills `values[start, end)` with N(0, sigma^2). */
  fillGaussian(values: Float32Array, sigma?: number, start?: number, end?: number): void;
}

const WORDS = 4;
const TWO_32 = 4294967296;
const TWO_MINUS_24 = 2 ** -24;
/** The largest n for which n times a 32-bit word stays below 2^53. */
const EXACT_PRODUCT = 2097152;

/**
 * Creates a random number generator.
 * @param seed an integer in [0, 2^53); @param stream a name, or an integer in [0, 2^32); @param counter an integer in
 *   [0, 2^53), such as a step, an epoch or a row. Each counter has its own 2^34 words.
 * @throws UncoupleError `invalid-argument` if a number is out of range
 */
export function createRandom(seed: number, stream: string | number, counter = 0): Random {
  requireInteger("seed", seed, Number.MAX_SAFE_INTEGER);
  const key = new Int32Array(WORDS);
  key[0] = low(seed);
  key[1] = high(seed);
  if (typeof stream === "number") {
    requireInteger("stream", stream, TWO_32 - 1);
    key[2] = stream | 0;
  } else {
    const hash = hashText(stream);
    key[2] = hash[0];
    // The top bit distinguishes names from numbers.
    key[3] = hash[1] | 0x80000000;
  }
  const position = new Int32Array(WORDS);
  const block = new Int32Array(WORDS);
  let used = WORDS;

  const seek = (to: number) => {
    requireInteger("counter", to, Number.MAX_SAFE_INTEGER);
    position[0] = 0;
    position[1] = low(to);
    position[2] = high(to);
    used = WORDS;
  };
  const refill = () => {
    threefry4x32(key, position, block);
    position[0] = ((position[0] as number) + 1) | 0;
  };
  const word = (): number => {
    if (used === WORDS) {
      refill();
      used = 0;
    }
    const value = block[used] as number;
    used += 1;
    return value;
  };
  const uint32 = () => word() >>> 0;
  const below = (n: number) => {
    requireInteger("below(n): n", n, TWO_32, 1);
    return n <= EXACT_PRODUCT ? smallBelow(n) : largeBelow(n);
  };
  // Lemire (2019): the high word of word * n, rejected if the low word is among the 2^32 mod n surplus ones. The product
  // is exact in float64, and the common case needs no division.
  const smallBelow = (n: number) => {
    for (;;) {
      const product = uint32() * n;
      const quotient = Math.floor(product / TWO_32);
      const rest = product - quotient * TWO_32;
      if (rest >= n || rest >= TWO_32 % n) return quotient;
    }
  };
  const largeBelow = (n: number) => {
    // Words at or above the largest multiple of n would favor small remainders.
    const limit = TWO_32 - (TWO_32 % n);
    for (;;) {
      const value = uint32();
      if (value < limit) return value % n;
    }
  };
  const shuffle = (values: Int32Array) => {
    for (let i = values.length - 1; i > 0; i -= 1) {
      const j = i < EXACT_PRODUCT ? smallBelow(i + 1) : largeBelow(i + 1);
      const kept = values[i] as number;
      values[i] = values[j] as number;
      values[j] = kept;
    }
  };
  seek(counter);
  return {
    seek,
    uint32,
    uniform() {
      const upper = word() >>> 5;
      const lower = word() >>> 6;
      return (upper * 67108864 + lower) / 9007199254740992;
    },
    gaussian: () => gaussianFromBits(word()),
    below,
    shuffle,
    permutation(n) {
      const values = new Int32Array(n);
      for (let i = 0; i < n; i += 1) values[i] = i;
      shuffle(values);
      return values;
    },
    fillUniform(values, start = 0, end = values.length) {
      for (let i = start; i < end; i += 1) values[i] = (word() >>> 8) * TWO_MINUS_24;
    },
    fillGaussian(values, sigma = 1, start = 0, end = values.length) {
      let i = start;
      while (i < end && used < WORDS) {
        values[i] = sigma * gaussianFromBits(word());
        i += 1;
      }
      for (; i + WORDS <= end; i += WORDS) {
        refill();
        values[i] = sigma * gaussianFromBits(block[0] as number);
        values[i + 1] = sigma * gaussianFromBits(block[1] as number);
        values[i + 2] = sigma * gaussianFromBits(block[2] as number);
        values[i + 3] = sigma * gaussianFromBits(block[3] as number);
      }
      for (; i < end; i += 1) values[i] = sigma * gaussianFromBits(word());
    },
  };
}

function low(value: number): number {
  return (value % TWO_32) | 0;
}

function high(value: number): number {
  return Math.floor(value / TWO_32) | 0;
}

/** A 64-bit hash of a string: absorbs its UTF-16 code units, eight at a time, with Threefry in Davies-Meyer mode. */
function hashText(text: string): [number, number] {
  const units = WORDS * 2;
  const state = new Int32Array(WORDS);
  state[0] = text.length;
  const message = new Int32Array(WORDS);
  const out = new Int32Array(WORDS);
  for (let start = 0; start === 0 || start < text.length; start += units) {
    for (let i = 0; i < WORDS; i += 1) {
      const at = start + 2 * i;
      message[i] =
        (at < text.length ? text.charCodeAt(at) : 0) | ((at + 1 < text.length ? text.charCodeAt(at + 1) : 0) << 16);
    }
    threefry4x32(message, state, out);
    for (let i = 0; i < WORDS; i += 1) state[i] = (state[i] as number) ^ (out[i] as number);
  }
  return [state[0] as number, state[1] as number];
}

function requireInteger(what: string, value: number, maximum: number, minimum = 0): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  throw new UncoupleError(
    "invalid-argument",
    `${what} must be an integer between ${minimum} and ${maximum}, not ${value}`,
  );
}

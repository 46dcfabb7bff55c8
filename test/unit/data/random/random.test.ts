import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gaussianQuantile } from "../../../../services/common/gaussian-quantile.ts";
import { gaussianFromBits } from "../../../../services/data/random/gaussian-bits.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import { threefry4x32 } from "../../../../services/data/random/threefry.ts";

/** Recorded once. Changing any of them makes every stored run irreproducible. */
const UINTS = [2809166535, 1288742307, 4238993926, 2525330872, 3680742282];
const GAUSSIANS = [-1.0191745560048533, 0.5242316972692915, -0.032672983331936564];
const UNIFORMS = [0.5273113078646229, 0.09659849882541416];
const PERMUTATION = [1, 4, 8, 3, 5, 6, 9, 2, 7, 0];
const LONG = 3180629992;

const hex = (words: Int32Array) => Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0"));

describe("threefry4x32", () => {
  test("matches the published test vectors for 20 rounds", () => {
    const out = new Int32Array(4);
    threefry4x32(new Int32Array(4), new Int32Array(4), out);
    expect(hex(out)).toEqual(["9c6ca96a", "e17eae66", "fc10ecd4", "5256a7d8"]);
    const ones = new Int32Array(4).fill(-1);
    threefry4x32(ones, ones, out);
    expect(hex(out)).toEqual(["2a881696", "57012287", "f6c7446e", "a16a6732"]);
    const pi = Int32Array.of(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344);
    const key = Int32Array.of(0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89);
    threefry4x32(key, pi, out);
    expect(hex(out)).toEqual(["59cd1dbb", "b8879579", "86b5d00c", "ac8b6d84"]);
  });
});

describe("gaussianQuantile", () => {
  test("matches published quantiles of the standard normal distribution", () => {
    expect(gaussianQuantile(0.5)).toBe(0);
    expect(gaussianQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(gaussianQuantile(0.001)).toBeCloseTo(-3.090232306167813, 13);
    expect(gaussianQuantile(1e-9)).toBeCloseTo(-5.997807015007686, 12);
  });

  test("is approximated symmetrically to 1e-7 by the table of cubics", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (word) => {
        const exact = gaussianQuantile(((word & 0x7fffffff) + 0.5) / 2 ** 32) * (word < 0 ? 1 : -1);
        expect(Math.abs(gaussianFromBits(word) - exact)).toBeLessThan(1e-7);
      }),
      { numRuns: 2000 },
    );
    expect(gaussianFromBits(0)).toBeCloseTo(6.337957754553788, 12);
    expect(gaussianFromBits(-(2 ** 31))).toBeCloseTo(-6.337957754553788, 12);
    expect(gaussianFromBits(0x7fffffff)).toBeCloseTo(0, 9);
  });
});

describe("createRandom", () => {
  test("matches the recorded vectors on every machine", () => {
    const random = createRandom(7, "test", 3);
    expect([random.uint32(), random.uint32(), random.uint32(), random.uint32(), random.uint32()]).toEqual(UINTS);
    random.seek(3);
    expect([random.gaussian(), random.gaussian(), random.gaussian()]).toEqual(GAUSSIANS);
    random.seek(4);
    expect([random.uniform(), random.uniform()]).toEqual(UNIFORMS);
    expect(Array.from(createRandom(0, 5).permutation(10))).toEqual(PERMUTATION);
    expect(createRandom(Number.MAX_SAFE_INTEGER, "a long stream name with more than sixteen units").uint32()).toBe(
      LONG,
    );
  });

  test("the numbers of a counter do not depend on earlier draws", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(20), (counter, other, drawn) => {
        const random = createRandom(1, "stream", other);
        for (let i = 0; i < drawn; i += 1) random.uint32();
        random.seek(counter);
        expect(random.uint32()).toBe(createRandom(1, "stream", counter).uint32());
      }),
    );
  });

  test("different seeds, streams and counters give different numbers", () => {
    const first = (seed: number, stream: string | number, counter: number) =>
      createRandom(seed, stream, counter).uniform();
    const all = [
      first(1, "a", 0),
      first(2, "a", 0),
      first(2 ** 32 + 1, "a", 0),
      first(1, "b", 0),
      first(1, "", 0),
      first(1, 0, 0),
      first(1, 97, 0),
      first(1, "a", 1),
      first(1, "a", 2 ** 32),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test("a fill equals single draws, from any position and in any pieces", () => {
    fc.assert(
      fc.property(fc.nat(7), fc.nat(40), fc.nat(40), (before, length, cut) => {
        const whole = createRandom(3, "fill");
        const pieces = createRandom(3, "fill");
        for (let i = 0; i < before; i += 1) {
          whole.uint32();
          pieces.uint32();
        }
        const filled = new Float32Array(length);
        pieces.fillGaussian(filled, 2, 0, Math.min(cut, length));
        pieces.fillGaussian(filled, 2, Math.min(cut, length));
        for (const value of filled) expect(value).toBe(Math.fround(2 * whole.gaussian()));
        expect(pieces.uint32()).toBe(whole.uint32());
      }),
    );
  });

  test("Gaussian numbers have the moments of the standard normal distribution", () => {
    const values = new Float32Array(200_000);
    createRandom(11, "moments").fillGaussian(values);
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015);
    expect(Math.abs(moment(3))).toBeLessThan(0.03);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });

  test("integers below n are uniform, even if n does not divide 2^32", () => {
    const random = createRandom(5, "below");
    const counts = new Float64Array(6);
    for (let i = 0; i < 60_000; i += 1) {
      const value = random.below(6);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count / 60_000 - 1 / 6)).toBeLessThan(0.01);
    // Almost half of all words are rejected here; the results must still cover the upper half evenly.
    const n = 2 ** 31 + 1;
    let upper = 0;
    for (let i = 0; i < 4000; i += 1) if (random.below(n) >= n / 2) upper += 1;
    expect(Math.abs(upper / 4000 - 0.5)).toBeLessThan(0.04);
    expect(random.below(1)).toBe(0);
  });

  test("a permutation contains every number once", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), (n, epoch) => {
        const values = Array.from(createRandom(2, "shuffle", epoch).permutation(n));
        expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  test("rejects seeds, counters and bounds that are not integers in range", () => {
    expect(() => createRandom(1.5, "a")).toThrow("seed must be an integer");
    expect(() => createRandom(-1, "a")).toThrow("seed must be an integer");
    expect(() => createRandom(1, 2 ** 32)).toThrow("stream must be an integer");
    expect(() => createRandom(1, "a", Number.NaN)).toThrow("counter must be an integer");
    expect(() => createRandom(1, "a").below(0)).toThrow("below(n): n must be an integer between 1");
  });
});

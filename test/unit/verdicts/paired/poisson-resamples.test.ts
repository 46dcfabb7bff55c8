import { expect, test } from "vitest";
import { createRandomBits, drawWeights } from "../../../../services/common/random-weights.ts";
import { PoissonResamples } from "../../../../services/verdicts/paired/poisson-resamples.ts";

const TERMS = 4;

/** What the kernels compute, one weight and one term after another. */
function plain(seed: number, sizes: Float64Array, count: number, terms: Float64Array) {
  const random = createRandomBits(seed);
  const weights = new Uint8Array(sizes.length);
  const sums = new Float64Array(TERMS * count);
  for (let resample = 0; resample < count; resample++) {
    do drawWeights(weights, random);
    while (weights.every((weight, unit) => weight === 0 || sizes[unit] === 0));
    for (let unit = 0; unit < sizes.length; unit++) {
      if (sizes[unit] === 0) continue;
      for (let term = 0; term < TERMS; term++) {
        const at = resample * TERMS + term;
        sums[at] = (sums[at] as number) + (weights[unit] as number) * (terms[TERMS * unit + term] as number);
      }
    }
  }
  return { state: random.state, sums };
}

test("weights and sums have the bits of a plain loop over units, whatever was drawn before", async () => {
  const resamples = new PoissonResamples();
  const cases = [1, 2, 3, 15, 16, 17, 40, 2500, 33].flatMap((units) => [
    { units, count: 64, empty: 0 },
    // Fewer units with rows than without: many resamples have none and are drawn again.
    { units, count: 7, empty: Math.floor(0.9 * units) },
  ]);
  for (const [seed, { units, count, empty }] of cases.entries()) {
    const sizes = Float64Array.from({ length: units }, (_, unit) => ((unit * 7) % units < empty ? 0 : 1 + (unit % 5)));
    const terms = Float64Array.from({ length: TERMS * units }, (_, at) => Math.sin(at + seed) / (1 + (at % 9)));
    for (let unit = 0; unit < units; unit++) if (sizes[unit] === 0) terms.fill(0, TERMS * unit, TERMS * (unit + 1));
    const expected = plain(seed, sizes, count, terms);
    expect(await resamples.draw(seed, sizes, count)).toBe(expected.state);
    const sums = await resamples.sum((written, unit, at) =>
      written.set(terms.subarray(TERMS * unit, TERMS * (unit + 1)), at),
    );
    expect(sums).toEqual(expected.sums);
  }
});

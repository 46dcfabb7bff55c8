import { expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { adaptAffinely } from "../../../../services/verdicts/shift/affine-adapter.ts";

const rows = 1000;
const half = Uint8Array.from({ length: rows }, (_, row) => row % 2);

function draw(seed: number): Float64Array {
  const random = createRandom(seed, "output");
  return Float64Array.from({ length: rows }, () => random.gaussian());
}

/** Coordinates side by side. */
const beside = (...columns: readonly Float64Array[]) =>
  Float32Array.from({ length: rows * columns.length }, (_, at) => {
    const column = columns[at % columns.length] as Float64Array;
    return column[Math.floor(at / columns.length)] as number;
  });

function meanSquare(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + (value - (b[at] as number)) ** 2, 0) / a.length;
}

test("other scales, offsets, signs and another order of coordinates are undone", async () => {
  const [a, b, c] = [draw(1), draw(2), draw(3)];
  const old = beside(a, b, c);
  const renamed = beside(
    c.map((value) => 1000 * value + 7),
    a.map((value) => -value),
    b.map((value) => 0.01 * value - 3),
  );
  expect(meanSquare(await adaptAffinely(renamed, old, 3, half), old)).toBeLessThan(1e-8);
});

test("coordinates that repeat each other, or do not vary, are no obstacle", async () => {
  const a = draw(1);
  const old = beside(a, a, a);
  const repeated = beside(a, a, new Float64Array(rows).fill(4));
  expect(meanSquare(await adaptAffinely(repeated, old, 3, half), old)).toBeLessThan(1e-8);
});

test("a row is mapped by the other half: what noise taught does not help", async () => {
  // 100 coordinates of noise would explain a fifth of the variance of the 500 rows that they are fitted on.
  const width = 100;
  const noise = beside(...Array.from({ length: width }, (_, i) => draw(i)));
  const target = beside(...Array.from({ length: width }, (_, i) => draw(1000 + i)));
  const adapted = await adaptAffinely(noise, target, width, half);
  expect(meanSquare(adapted, target)).toBeGreaterThan(1.1);
  const swapped = await adaptAffinely(
    noise,
    target,
    width,
    half.map((one) => 1 - one),
  );
  expect(swapped).toEqual(adapted);
});

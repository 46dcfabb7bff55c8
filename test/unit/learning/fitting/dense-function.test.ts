import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { type DenseLayer, evaluateOracle } from "../../../../services/data/source/oracle.ts";
import { evaluateDense } from "../../../../services/learning/fitting/dense-function.ts";

function dense(widths: readonly number[], seed: number): DenseLayer[] {
  return widths.slice(1).map((outputs, at) => {
    const inputs = widths[at] as number;
    const weights = new Float32Array(inputs * outputs);
    const bias = new Float32Array(outputs);
    createRandom(seed, "weights", at).fillGaussian(weights, Math.sqrt(2 / inputs));
    createRandom(seed, "bias", at).fillGaussian(bias, 0.5);
    return { inputs, outputs, weights, bias };
  });
}

function columns(width: number, rows: number, seed: number) {
  const values = new Float32Array(rows * width);
  createRandom(seed, "inputs", width).fillGaussian(values, 1.5);
  return { width, values };
}

const width = fc.integer({ min: 1, max: 70 });

describe("a dense network evaluated in WebAssembly", () => {
  it("agrees with float64 arithmetic as far as float32 can, for all shapes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(width, { minLength: 1, maxLength: 3 }),
        fc.array(width, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(1, 5, 127, 128, 129, 300),
        fc.nat(),
        async (read, following, rows, seed) => {
          const layers = dense([read.reduce((sum, one) => sum + one, 0), ...following], seed);
          const inputs = read.map((one, index) => columns(one, rows, seed + index));
          const { values } = await evaluateDense(layers, inputs);
          const oracle = { inputs: inputs.map((input, i) => ({ name: `${i}`, width: input.width })), layers };
          const expected = evaluateOracle(
            oracle,
            inputs.map((input) => input.values),
            rows,
          );
          const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          expect(values).toHaveLength(expected.length);
          values.forEach((value, i) => {
            expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-5 * scale);
          });
        },
      ),
      { numRuns: 25, seed: 1 },
    );
  });

  it("gives a row the same bits wherever it is among others", async () => {
    const layers = dense([3, 17, 2], 8);
    const all = columns(3, 400, 8);
    const { values } = await evaluateDense(layers, [all]);
    for (const row of [0, 127, 128, 255, 399]) {
      const alone = await evaluateDense(layers, [{ width: 3, values: all.values.slice(3 * row, 3 * row + 3) }]);
      expect(alone.values).toEqual(values.slice(2 * row, 2 * row + 2));
    }
  });

  it("keeps two networks of one shape apart, also while they are evaluated at the same time", async () => {
    const [a, b] = [dense([4, 64, 64, 1], 1), dense([4, 64, 64, 1], 2)];
    const inputs = [columns(4, 40_000, 3)];
    const apart = [await evaluateDense(a, inputs), await evaluateDense(b, inputs)];
    expect(await Promise.all([evaluateDense(a, inputs), evaluateDense(b, inputs)])).toEqual(apart);
    expect(apart[0]?.values).not.toEqual(apart[1]?.values);
  });

  it("yields to other work during a long evaluation", async () => {
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await evaluateDense(dense([4, 256, 256, 1], 1), [columns(4, 20_000, 3)]);
    done = true;
    expect(turns).toBeGreaterThan(40);
  });
});

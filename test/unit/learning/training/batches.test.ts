import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Chunk, TrainingProgram } from "../../../../services/engine/interface/program.ts";
import { createBatchSource } from "../../../../services/learning/training/batches.ts";

const program = (batch: number): TrainingProgram => ({
  batch,
  resident: { x: { width: 1 } },
  feeds: { noise: { width: 3 } },
  optimizer: { name: "sgd", learningRate: 0.1 },
  build: () => {
    throw new Error("not built here");
  },
});
const rate = (step: number) => step;

describe("batches", () => {
  it("do not depend on how the run is cut into chunks, nor on where it resumes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 1000 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 }),
        fc.nat(50),
        async (rows, batch, seed, cuts, first) => {
          const steps = cuts.reduce((a, b) => a + b);
          const whole = await createBatchSource({ program: program(batch), rows, seed }).chunk(first, steps, rate);
          const source = createBatchSource({ program: program(batch), rows, seed });
          const parts: Chunk[] = [];
          for (const [i, count] of cuts.entries()) {
            const at = first + cuts.slice(0, i).reduce((a, b) => a + b, 0);
            parts.push(await source.chunk(at, count, rate));
          }
          expect(parts.flatMap((part) => [...part.indices])).toEqual([...whole.indices]);
          expect(parts.flatMap((part) => [...(part.feeds.noise as Float32Array)])).toEqual([
            ...(whole.feeds.noise as Float32Array),
          ]);
          expect(parts.flatMap((part) => [...part.learningRates])).toEqual([...whole.learningRates]);
        },
      ),
    );
  });

  it("show every row once an epoch", async () => {
    const { indices } = await createBatchSource({ program: program(8), rows: 24, seed: 3 }).chunk(0, 6, rate);
    for (const epoch of [indices.slice(0, 24), indices.slice(24)]) {
      expect([...epoch].sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    }
    expect([...indices.slice(0, 24)]).not.toEqual([...indices.slice(24)]);
  });

  it("bring fresh standard Gaussian noise in every step, and other noise for another seed", async () => {
    const noise = async (seed: number) =>
      (await createBatchSource({ program: program(100), rows: 100, seed }).chunk(0, 100, rate)).feeds
        .noise as Float32Array;
    const values = await noise(1);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    expect([...values.slice(0, 300)]).not.toEqual([...values.slice(300, 600)]);
    expect([...values]).not.toEqual([...(await noise(2))]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TrainingProgram } from "../../../../services/engine/interface/program.ts";
import { createBatchSource } from "../../../../services/learning/training/batches.ts";
import { createRowOrder } from "../../../../services/learning/training/epoch-order.ts";
import { SpilledColumns, streamedProgram } from "../../../../services/learning/training/training-columns.ts";
import { spillTests } from "../../../helpers/spilled-tables.ts";

const { spillMatrix } = spillTests();
const widths = { own: 3, target: 1, previous: 2 };
const rate = (step: number) => step;

const program = (batch: number): TrainingProgram => ({
  batch,
  resident: Object.fromEntries(Object.entries(widths).map(([name, width]) => [name, { width }])),
  feeds: { noise: { width: 2 } },
  optimizer: { name: "sgd", learningRate: 0.1 },
  build: () => {
    throw new Error("not built here");
  },
});

/** Row r of a column has the numbers r * 10 + 0, 1, 2 ... */
const column = (rows: number, width: number) => ({
  width,
  values: Float32Array.from({ length: rows * width }, (_, i) => 10 * Math.floor(i / width) + (i % width)),
});

async function spilledColumns(rows: number): Promise<SpilledColumns> {
  return new SpilledColumns({
    own: await spillMatrix(column(rows, widths.own)),
    // In memory beside the spilled ones.
    target: column(rows, widths.target),
    previous: await spillMatrix(column(rows, widths.previous)),
  });
}

describe("rows of a file", () => {
  test("come in the batches of rows in memory, however they are cut, wherever they resume, whatever the windows", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(1000),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
        fc.nat(30),
        fc.nat(20),
        fc.record({
          windowBytes: fc.integer({ min: 1, max: 2000 }),
          readBytes: fc.integer({ min: 1, max: 500 }),
          gapBytes: fc.nat(200),
        }),
        fc.integer({ min: 0, max: 2 }),
        async (rows, batch, seed, cuts, first, further, windows, slot) => {
          const steps = first + cuts.reduce((a, b) => a + b) + further;
          const inMemory = createBatchSource({ program: program(batch), rows, seed, slot });
          const spilled = await spilledColumns(rows);
          const inFile = createBatchSource({
            ...{ program: streamedProgram(program(batch)), rows, seed, slot, spilled, steps, windows },
          });
          let at = first;
          let check = () => {};
          for (const count of cuts) {
            const expected = await inMemory.chunk(at, count, rate);
            const { feeds, learningRates } = await inFile.chunk(at, count, rate);
            // The engine still reads the rows of a chunk while the next one is drawn.
            check();
            check = () => {
              for (const [name, width] of Object.entries(widths)) {
                const { values } = column(rows, width);
                const gathered = Array.from(expected.indices).flatMap((row) =>
                  Array.from(values.subarray(row * width, (row + 1) * width)),
                );
                expect(Array.from(feeds[name] as Float32Array)).toEqual(gathered);
              }
            };
            expect(feeds.noise).toEqual(expected.feeds.noise);
            expect(learningRates).toEqual(expected.learningRates);
            at += count;
          }
          check();
          await inFile.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the order of an epoch", () => {
  test("has every row once, and any part of it can be asked for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.record({
          whole: fc.constantFrom(0, 100_000),
          blockRows: fc.integer({ min: 1, max: 40 }),
          groupBlocks: fc.integer({ min: 1, max: 9 }),
        }),
        fc.nat(),
        fc.nat(20),
        fc.nat(),
        fc.nat(),
        (rows, sizes, seed, epoch, a, b) => {
          const fill = createRowOrder(seed, "epoch", rows, sizes);
          const all = new Int32Array(rows);
          fill(epoch * rows, all);
          expect([...all].sort((x, y) => x - y)).toEqual(Array.from({ length: rows }, (_, row) => row));
          const two = new Int32Array(2 * rows);
          fill(epoch * rows, two);
          expect(two.subarray(0, rows)).toEqual(all);
          const [from, to] = [Math.min(a % (2 * rows), b % (2 * rows)), Math.max(a % (2 * rows), b % (2 * rows))];
          const part = new Int32Array(to - from);
          fill(epoch * rows + from, part);
          expect(part).toEqual(two.subarray(from, to));
        },
      ),
    );
  });

  test("of millions of rows mixes rows from all over the file, differently in each epoch and for each seed", () => {
    const rows = 2 ** 21 + 1000;
    const batches = [
      [1, 0],
      [1, 1],
      [2, 0],
    ].map(([seed = 0, epoch = 0]) => {
      const batch = new Int32Array(256);
      createRowOrder(seed, "epoch", rows)(epoch * rows, batch);
      return batch;
    });
    for (const batch of batches) {
      expect(new Set(batch.map((row) => Math.floor(row / 512))).size).toBeGreaterThan(100);
      const quarters = [0, 1, 2, 3].map(
        (quarter) => batch.filter((row) => Math.floor((4 * row) / rows) === quarter).length,
      );
      expect(Math.min(...quarters)).toBeGreaterThan(25);
    }
    expect(new Set(batches.map(String)).size).toBe(3);
  });
});

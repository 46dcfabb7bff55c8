import { createRandom } from "../../data/random/random.ts";
import type { Chunk, TrainingProgram } from "../../engine/interface/program.ts";
import { createRowOrder } from "./epoch-order.ts";
import { type OrderedRows, openOrderedRows, type RowsOfColumns, type WindowSizes } from "./row-windows.ts";
import type { SpilledColumns } from "./training-columns.ts";

/**
 * Draws what varies from step to step. Every number depends only on the seed and the step, so the step is the whole data
 * cursor: a run that is chunked differently, or resumed at any step, sees the same batches and the same noise.
 *
 * Rows are drawn without replacement within an epoch; a batch that crosses the end of an epoch continues in the next one.
 * Calls must not overlap.
 */
export interface BatchSource {
  /** The rows of a chunk may stay valid only until the call after the next one. */
  chunk(firstStep: number, steps: number, learningRate: (step: number) => number): Promise<Chunk>;
  close(): Promise<void>;
}

/** Where the batches come from. */
export interface BatchSettings {
  readonly program: TrainingProgram;
  readonly rows: number;
  readonly seed: number;
  /** The logical worker, whose rows and noise are its own; slot 0, the default, has those of a training without workers. */
  readonly slot?: number;
  /** Columns in a file, whose rows come with each chunk. */
  readonly spilled?: SpilledColumns | undefined;
  /** Length of the training, in steps: what is after it is not read. */
  readonly steps?: number;
  /** For tests. */
  readonly windows?: WindowSizes;
}

export function createBatchSource(settings: BatchSettings): BatchSource {
  const { program, rows, seed, slot = 0, spilled, steps: all = Number.POSITIVE_INFINITY } = settings;
  const { batch } = program;
  const stream = (name: string) => (slot === 0 ? name : `slot/${slot}/${name}`);
  const fill = createRowOrder(seed, stream("epoch"), rows);
  const streamed = new Set(program.streamed);
  const feeds = Object.entries(program.feeds)
    .filter(([name]) => !streamed.has(name))
    .map(([name, { width }]) => ({ name, width, random: createRandom(seed, stream(`feed/${name}`)) }));
  let ordered: Promise<OrderedRows> | undefined;

  async function open(columns: SpilledColumns): Promise<OrderedRows> {
    return openOrderedRows(await columns.join(), columns.widths, fill, all * batch, settings.windows);
  }

  async function readRows(columns: SpilledColumns, first: number, count: number): Promise<RowsOfColumns> {
    ordered ??= open(columns);
    return (await ordered).read(first, count);
  }

  return {
    async chunk(firstStep, steps, learningRate) {
      const indices = new Int32Array(steps * batch);
      const fed: Record<string, Float32Array> = {};
      if (spilled === undefined) fill(firstStep * batch, indices);
      else Object.assign(fed, await readRows(spilled, firstStep * batch, indices.length));
      for (const { name, width, random } of feeds) {
        const noise = new Float32Array(steps * batch * width);
        for (let s = 0; s < steps; s++) {
          random.seek(firstStep + s);
          random.fillGaussian(noise, 1, s * batch * width, (s + 1) * batch * width);
        }
        fed[name] = noise;
      }
      const learningRates = Float32Array.from({ length: steps }, (_, s) => learningRate(firstStep + s));
      return { steps, indices, learningRates, feeds: fed };
    },
    async close() {
      await (await ordered?.catch(() => undefined))?.close();
      ordered = undefined;
    },
  };
}

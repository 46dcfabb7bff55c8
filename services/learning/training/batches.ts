import { createRandom } from "../../data/random/random.ts";
import type { Chunk, TrainingProgram } from "../../engine/interface/program.ts";

/**
 * Draws what varies from step to step. Every number depends only on the seed and the step, so the step is the whole data
 * cursor: a run that is chunked differently, or resumed at any step, sees the same batches and the same noise.
 *
 * Rows are drawn without replacement within an epoch; a batch that crosses the end of an epoch continues in the next one.
 */
export interface BatchSource {
  chunk(firstStep: number, steps: number, learningRate: (step: number) => number): Chunk;
}

/** @param slot the logical worker, whose rows and noise are its own; slot 0 has those of a training without workers */
export function createBatchSource(program: TrainingProgram, rows: number, seed: number, slot = 0): BatchSource {
  const { batch } = program;
  const stream = (name: string) => (slot === 0 ? name : `slot/${slot}/${name}`);
  const shuffles = createRandom(seed, stream("epoch"));
  const feeds = Object.entries(program.feeds).map(([name, { width }]) => ({
    name,
    width,
    random: createRandom(seed, stream(`feed/${name}`)),
  }));
  let epoch = -1;
  let order: Int32Array = new Int32Array(0);

  const orderOf = (wanted: number): Int32Array => {
    if (wanted !== epoch) {
      shuffles.seek(wanted);
      order = shuffles.permutation(rows);
      epoch = wanted;
    }
    return order;
  };

  return {
    chunk(firstStep, steps, learningRate) {
      const indices = new Int32Array(steps * batch);
      for (let i = 0; i < indices.length; ) {
        const position = firstStep * batch + i;
        const within = position % rows;
        const count = Math.min(rows - within, indices.length - i);
        indices.set(orderOf(Math.floor(position / rows)).subarray(within, within + count), i);
        i += count;
      }
      const noise: Record<string, Float32Array> = {};
      for (const { name, width, random } of feeds) {
        const all = new Float32Array(steps * batch * width);
        for (let s = 0; s < steps; s++) {
          random.seek(firstStep + s);
          random.fillGaussian(all, 1, s * batch * width, (s + 1) * batch * width);
        }
        noise[name] = all;
      }
      const learningRates = Float32Array.from({ length: steps }, (_, s) => learningRate(firstStep + s));
      return { steps, indices, learningRates, feeds: noise };
    },
  };
}

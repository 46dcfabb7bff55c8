import type { Clock } from "../../common/clock/clock.ts";

/** Long enough that the overhead of a call vanishes, short enough that progress, cancellation and checkpoints stay live. */
const CHUNK_MILLISECONDS = 40;
const FIRST_CHUNK_STEPS = 4;
/**
 * Most that a chunk grows at once. A short chunk is mostly the overhead of its call, so that it makes steps of
 * microseconds look slow, never fast: growing by less would spend a short training on calls.
 */
const GROWTH = 8;

/** Divides steps into chunks by the time that they take. No result depends on it. */
export interface ChunkSizes {
  /** Steps of the chunk after the next one to be measured; at first, of the first chunk. */
  size(): number;
  /** Runs a chunk. @returns its result, and the milliseconds that it took */
  measure<T>(steps: number, work: () => Promise<T>): Promise<{ readonly result: T; readonly elapsed: number }>;
}

export function createChunkSizes(clock: Clock): ChunkSizes {
  let size = FIRST_CHUNK_STEPS;
  return {
    size: () => size,
    async measure(steps, work) {
      const began = clock.elapsed();
      const result = await work();
      const elapsed = Math.max(clock.elapsed() - began, 0.01);
      // Measured again after each chunk: the first call also compiles, and caches are cold.
      size = Math.max(1, Math.min(steps * GROWTH, Math.round((steps * CHUNK_MILLISECONDS) / elapsed)));
      return { result, elapsed };
    },
  };
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inParallel } from "../../common/async/in-parallel.ts";
import { sha256 } from "../../common/files/digest.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { measurePipeline, type PipelineSeed } from "./measure-pipeline.ts";
import type { Method } from "./methods/method.ts";
import type { WildPipeline } from "./pipelines/wild-pipeline.ts";
import type { SeedStore } from "./seed-store.ts";

export interface BenchmarkOptions {
  readonly pipelines: readonly WildPipeline[];
  readonly methods: readonly Method[];
  readonly seeds: readonly number[];
  /** Parts, one pipeline on one seed, to run concurrently. Does not affect the results. */
  readonly jobs: number;
  /** The folder of the tables. */
  readonly data: string;
  readonly engine: Engine;
  /** The version of Uncouple: results of another one are not reused. */
  readonly version: string;
  /** Default: an interrupted benchmark starts again. */
  readonly store?: SeedStore;
  readonly signal?: AbortSignal;
  /** Called with the parts done, at first those that the store had, and all of them. */
  onProgress?(done: number, total: number): void;
}

/**
 * Measures every pipeline on every seed. The same seeds give the same numbers, bit for bit, for any `jobs`, whether
 * interrupted and resumed or not.
 *
 * @returns by pipeline, then by seed, in the given orders
 * @throws UncoupleError `invalid-argument` for an invalid `jobs`; as `measurePipeline` and `SeedStore.save`; the reason of
 *   the signal once it is aborted
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<readonly PipelineSeed[]> {
  const { pipelines, methods, seeds, data, engine, store, signal } = options;
  const keys = await Promise.all(pipelines.map((pipeline) => keyOf(pipeline, options)));
  const parts = pipelines.flatMap((pipeline, at) => seeds.map((seed) => ({ pipeline, seed, key: keys[at] as string })));
  const saved = await Promise.all(parts.map(async ({ pipeline, seed, key }) => store?.load(pipeline.name, seed, key)));
  let done = saved.filter((result) => result !== undefined).length;
  options.onProgress?.(done, parts.length);
  return inParallel(parts, options.jobs, async ({ pipeline, seed, key }, at) => {
    const known = saved[at];
    if (known !== undefined) return known;
    signal?.throwIfAborted();
    const result = await measurePipeline({
      pipeline,
      methods,
      seed,
      data,
      engine,
      ...(signal !== undefined && { signal }),
    });
    await store?.save(result, key);
    done += 1;
    options.onProgress?.(done, parts.length);
    return result;
  });
}

/** Identifies what the results of a pipeline depend on, besides the seed. */
async function keyOf(pipeline: WildPipeline, { methods, data, engine, version }: BenchmarkOptions): Promise<string> {
  const table = await sha256(await readFile(join(data, `${pipeline.name}.csv`)));
  const { name, components, audited, steps } = pipeline;
  const pipelineParts = { name, components, audited, steps };
  const parts = { version, engine: engine.name, ...pipelineParts, table, methods: methods.map((each) => each.name) };
  return sha256(Buffer.from(JSON.stringify(parts)));
}

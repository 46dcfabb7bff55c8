import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { PipelineSeed } from "./measure-pipeline.ts";

/** Keeps the finished parts of a benchmark, so that an interrupted one resumes. */
export interface SeedStore {
  /** @param key identifies everything that the result depends on; @returns undefined unless it was saved intact */
  load(pipeline: string, seed: number, key: string): Promise<PipelineSeed | undefined>;
  save(result: PipelineSeed, key: string): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
}

/**
 * Keeps each part in a file of its own.
 *
 * @param folder created with the first part
 * @throws UncoupleError on saving: `invalid-argument` if the file cannot be written, `resource-exhausted` if the disk is
 *   full
 */
export function createSeedStore(folder: string): SeedStore {
  const pathOf = (pipeline: string, seed: number) => join(folder, `${pipeline}-${seed}.json`);
  return {
    async load(pipeline, seed, key) {
      try {
        const text = await readFile(pathOf(pipeline, seed), "utf8");
        const saved = JSON.parse(text) as { readonly key: string; readonly result: PipelineSeed };
        return saved.key === key ? saved.result : undefined;
      } catch {
        // Missing or damaged: it is measured again.
        return undefined;
      }
    },
    async save(result, key) {
      await makeFolder(folder);
      const path = pathOf(result.pipeline, result.seed);
      await writeWhole(path, path, `${JSON.stringify({ key, result })}\n`, true);
    },
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}

import type { HeldOutGeneration } from "../pipeline/generation.ts";

/** The generations of a pipeline's held-out rows: an append-only log, numbered from 1. The newest one is in use. */
export interface GenerationLog {
  /**
   * Returns the newest generation; undefined if there is none yet.
   * @throws UncoupleError `failed-precondition` if only a newer version of the program can read it
   */
  current(): Promise<HeldOutGeneration | undefined>;
  /** Returns every generation, oldest first. */
  history(): Promise<readonly HeldOutGeneration[]>;
  /** @returns false, and nothing changes, unless the newest generation has the number before */
  start(generation: HeldOutGeneration): Promise<boolean>;
}

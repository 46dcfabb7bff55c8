import { UncoupleError } from "../../common/errors.ts";
import type { Chunk, TrainingProgram } from "./program.ts";

/**
 * Checks that data has the shapes that the program declares.
 *
 * @throws UncoupleError `invalid-argument` naming the column
 */
export function checkData(program: TrainingProgram, data: Readonly<Record<string, Float32Array>>, rows: number): void {
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new UncoupleError("invalid-argument", `a program cannot be trained on ${rows} rows`);
  }
  for (const [name, { width }] of Object.entries(program.resident)) {
    const values = data[name];
    if (values === undefined) throw new UncoupleError("invalid-argument", `the resident column ${name} is missing`);
    expectLength(`the resident column ${name}`, values.length, rows * width, `[${rows}, ${width}]`);
  }
}

/**
 * Checks that a chunk has the shapes that the program declares, before it reaches a backend that may not check.
 *
 * @param rows of the resident data
 * @throws UncoupleError `invalid-argument`
 */
export function checkChunk(program: TrainingProgram, chunk: Chunk, rows: number): void {
  const { steps, indices, learningRates, feeds } = chunk;
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new UncoupleError("invalid-argument", `a chunk of ${steps} steps cannot be run`);
  }
  expectLength("the row numbers", indices.length, steps * program.batch, `[${steps}, ${program.batch}]`);
  expectLength("the learning rates", learningRates.length, steps, `[${steps}]`);
  for (const [name, { width }] of Object.entries(program.feeds)) {
    const values = feeds[name];
    if (values === undefined) throw new UncoupleError("invalid-argument", `the feed ${name} is missing`);
    const shape = `[${steps}, ${program.batch}, ${width}]`;
    expectLength(`the feed ${name}`, values.length, steps * program.batch * width, shape);
  }
  // A counted loop: an iterator takes as long as a small network's step.
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at] as number;
    if (index < 0 || index >= rows) {
      throw new UncoupleError("invalid-argument", `row ${index} was asked for; the data has ${rows} rows`);
    }
  }
}

function expectLength(what: string, length: number, expected: number, shape: string): void {
  if (length === expected) return;
  throw new UncoupleError("invalid-argument", `${what}: ${length} values, ${expected} wanted for ${shape}`);
}

/** Rejects overlapping calls: `run` modifies the session's state. */
export class OneAtATime {
  private busy = false;

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy) throw new UncoupleError("internal", "calls of a training session must not overlap");
    this.busy = true;
    try {
      return await work();
    } finally {
      this.busy = false;
    }
  }
}

import { resolve } from "node:path";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { CliContext } from "../context/context.ts";

/** Reads a pipeline file that a user named. @throws UncoupleError `not-found`, `invalid-argument` with every problem, one per line */
export async function requirePipelineFile(context: CliContext, file: string): Promise<Pipeline> {
  const { readPipelineFile } = await import("../../data/read-pipeline.ts");
  const parsed = await readPipelineFile(resolve(context.cwd, file));
  if ("problems" in parsed) throw problemsError(parsed.problems.map((problem) => ({ ...problem, file })));
  return parsed.pipeline;
}

import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type CliContext, setting } from "../context/context.ts";
import { type ConnectionFlags, DEFAULT_DIR } from "./connections.ts";
import { readStack } from "./stack-file.ts";

/** Reads a pipeline file that a user named. @throws UncoupleError `not-found`, `invalid-argument` with every problem, one per line */
export async function requirePipelineFile(context: CliContext, file: string): Promise<Pipeline> {
  const { readPipelineFile } = await import("../../data/read-pipeline.ts");
  const parsed = await readPipelineFile(resolve(context.cwd, file));
  if ("problems" in parsed) throw problemsError(parsed.problems.map((problem) => ({ ...problem, file })));
  return parsed.pipeline;
}

/** Returns the path of the pipeline file that a flag names, else of the stack. @throws UncoupleError `not-found` */
export async function findPipelineFile(
  context: CliContext,
  flags: Pick<ConnectionFlags, "dir"> & { readonly pipelineFile?: string },
): Promise<string> {
  if (flags.pipelineFile !== undefined) return resolve(context.cwd, flags.pipelineFile);
  const dir = resolve(context.cwd, flags.dir ?? setting(context.env, "UNCOUPLE_DIR") ?? DEFAULT_DIR);
  const stack = await readStack(dir);
  if (stack !== undefined) return stack.pipelineFile;
  throw new UncoupleError("not-found", `no stack file found in ${dir}; specify the pipeline file with --pipeline-file`);
}

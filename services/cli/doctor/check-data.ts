import { resolve } from "node:path";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { CliContext } from "../context/context.ts";
import { type DataFlags, dataAccess } from "../flags/data-flags.ts";
import { type Check, checksOf } from "./check.ts";

const { ok, warning, failure, unknown } = checksOf("data");

export interface DataCheckFlags extends DataFlags {
  readonly pipelineFile?: string;
  /** Roles, as `addRole` takes them. */
  readonly as?: readonly string[];
}

const ADVICE = {
  leak: "take this right from the credentials of the trainer (docs/data.md, What is enforced by storage)",
  unenforced: "name a view of the component or `data.held_out` to have the storage enforce it (docs/data.md)",
  broken: "give this process the credentials of the role, or correct the pipeline file",
  unknown: "try again where the store can be reached",
} as const;

/**
 * Checks which rows and columns can be read with the credentials of this process, as the roles that are named.
 * @throws UncoupleError `not-found` or `invalid-argument` for the pipeline file or a component that it does not have
 */
export async function checkData(flags: DataCheckFlags, context: CliContext): Promise<readonly Check[]> {
  const { pipelineFile: file, as = [] } = flags;
  if (file === undefined) return [];
  const [{ readPipelineFile }, { checkEvaluatorWall, checkTrainerWall }] = await Promise.all([
    import("../../data/read-pipeline.ts"),
    import("../../data/wall.ts"),
  ]);
  const path = resolve(context.cwd, file);
  const parsed = await readPipelineFile(path);
  if ("problems" in parsed) throw problemsError(parsed.problems.map((problem) => ({ ...problem, file })));
  const roles = as.filter((role) => role === "evaluator" || role.startsWith("trainer:"));
  if (roles.length === 0) {
    return [
      unknown(file, "what can be read was not checked", "name the role of this process with --as trainer:COMPONENT"),
    ];
  }
  const access = dataAccess(context, flags);
  const checks: Check[] = [];
  for (const role of roles) {
    const findings =
      role === "evaluator"
        ? await checkEvaluatorWall(parsed, path, access)
        : await checkTrainerWall(parsed, path, access, role.slice("trainer:".length));
    for (const { place, state, detail } of findings) {
      const name = `${role}: ${place}`;
      if (state === "sound") checks.push(ok(name, detail));
      else if (state === "unknown") checks.push(unknown(name, detail, ADVICE.unknown));
      else checks.push((state === "unenforced" ? warning : failure)(name, detail, ADVICE[state]));
    }
  }
  return checks;
}

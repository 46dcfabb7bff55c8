import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { UncoupleError } from "../../services/common/errors.ts";

const run = promisify(execFile);

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function attempt(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Outcome> {
  try {
    return { code: 0, ...(await run(program, args, { env, maxBuffer: 64 * 2 ** 20 })) };
  } catch (thrown) {
    const { code, stdout = "", stderr = "", message } = thrown as Partial<Outcome> & Error;
    return { code: typeof code === "number" ? code : 127, stdout, stderr: stderr || message };
  }
}

/** As `attempt`. @returns what it prints @throws UncoupleError with its last line */
export async function succeed(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await attempt(program, args, env);
  if (code === 0) return stdout.trim();
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  throw new UncoupleError("unavailable", `${program} ${args.join(" ")} ended with ${code}: ${reason}`);
}

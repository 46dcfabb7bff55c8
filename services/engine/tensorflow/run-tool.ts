import { execFile } from "node:child_process";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode } from "../../common/files/file-trouble.ts";

export interface ToolOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/**
 * Runs a program of the machine.
 *
 * @param options `missing`: the message if there is no such program; `failed`: what failed if it fails
 * @returns its standard output
 * @throws UncoupleError `failed-precondition` with one line, or `signal`'s reason
 */
export async function runTool(
  program: string,
  args: readonly string[],
  { env, signal, missing, failed }: ToolOptions & { readonly missing: string; readonly failed: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, signal, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (signal.aborted) reject(signal.reason as Error);
      else {
        const message = errorCode(error) === "ENOENT" ? missing : `${failed}: ${complaint(stderr) ?? error.message}`;
        reject(new UncoupleError("failed-precondition", message, { cause: error }));
      }
    });
  });
}

/** A compiler's first error, or the last line, which is where Python has it. */
function complaint(stderr: string): string | undefined {
  const lines = stderr.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
  return lines.find((line) => /\berror: /.test(line)) ?? lines.at(-1);
}

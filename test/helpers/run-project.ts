import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { asUncoupleError } from "../../services/common/errors.ts";
import { exitCodes } from "../../services/runtime/exit-codes.ts";

const root = resolve(import.meta.dirname, "../..");

/**
 * Runs a project of vitest as a program: installs what its tests need, and passes on the arguments of this process. Exits with
 * vitest's code, or after one line with that of an error of the installation.
 */
export async function runProject(project: string, install: (log: (line: string) => void) => Promise<unknown>) {
  try {
    await install(console.log);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const tests = spawn(process.execPath, [vitest, "run", "--project", project, ...process.argv.slice(2)], {
      cwd: root,
      stdio: "inherit",
    });
    process.exitCode = await new Promise<number>((done) => tests.once("close", (code) => done(code ?? 1)));
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    console.error(message);
    process.exitCode = exitCodes[code];
  }
}

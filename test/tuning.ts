import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { asUncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";
import { installOptuna } from "./helpers/optuna.ts";

/**
 * Has Optuna drive a study of a real trainer, with the program in examples/python/:
 *
 *     npm run test:tuning
 *
 * Installs Optuna and grpcio with pip, once, into the cache folder.
 */
const root = resolve(import.meta.dirname, "..");

try {
  await installOptuna(console.log);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const tests = spawn(process.execPath, [vitest, "run", "--project", "tuning", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = await new Promise<number>((done) => tests.once("close", (code) => done(code ?? 1)));
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(message);
  process.exitCode = exitCodes[code];
}

import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { asUncoupleError } from "../services/common/errors.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";
import { installMlflow } from "./helpers/mlflow/install.ts";

/**
 * Logs runs, models and verdicts to a real MLflow server, and reads them with MLflow's own client:
 *
 *     npm run test:mlflow [-- FILTER]
 *
 * Installs MLflow once, into the cache folder, with Python's venv and pip.
 */
const root = resolve(import.meta.dirname, "..");

try {
  await installMlflow(console.log);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const tests = spawn(process.execPath, [vitest, "run", "--project", "mlflow", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = await new Promise<number>((done) => tests.once("close", (code) => done(code ?? 1)));
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(message);
  process.exitCode = exitCodes[code];
}

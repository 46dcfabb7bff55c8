import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { UncoupleError } from "../../services/common/errors.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const venv = join(root, "node_modules", ".cache", "optuna", "venv");

/** The Python of a virtual environment with examples/python/requirements.txt, once `installOptuna` has made it. */
export const optunaPython = join(venv, "bin", "python");

/** Makes the environment with pip where it is missing. @throws UncoupleError `failed-precondition` with pip's message */
export async function installOptuna(say: (line: string) => void): Promise<void> {
  const isInstalled = await run(optunaPython, ["-c", "import grpc_tools, optuna"]).then(
    () => true,
    () => false,
  );
  if (isInstalled) return;
  say("installing Optuna and grpcio with pip ...");
  await mkdir(venv, { recursive: true });
  try {
    await run("python3", ["-m", "venv", venv]);
    const requirements = join(root, "examples/python/requirements.txt");
    await run(optunaPython, ["-m", "pip", "install", "--quiet", "--requirement", requirements]);
  } catch (thrown) {
    throw new UncoupleError("failed-precondition", `cannot install Optuna: ${String(thrown).slice(0, 1000)}`);
  }
}

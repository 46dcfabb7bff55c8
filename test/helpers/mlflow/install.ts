import { execFile } from "node:child_process";
import { access, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { UncoupleError } from "../../../services/common/errors.ts";

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, "../../../node_modules/.cache/mlflow");

/** `auth` is for passwords; onnx and onnxruntime are what `mlflow.onnx` needs. */
const PACKAGES = ["mlflow[auth]==3.17.2", "onnx", "onnxruntime"];
const done = join(folder, "installed");

/** The Python that has MLflow, and its command line. */
export const mlflowPython = join(folder, "bin/python");
export const mlflowCommand = join(folder, "bin/mlflow");

/** Installs MLflow from PyPI, unless it is there. @throws UncoupleError `failed-precondition` with what to do */
export async function installMlflow(say: (line: string) => void): Promise<void> {
  if (await exists(done)) return;
  say("installing MLflow with pip, which takes minutes and 900 MB ...");
  await rm(folder, { recursive: true, force: true });
  await attempted("python3", ["-m", "venv", folder], "apt-get install python3-venv");
  await attempted(mlflowPython, ["-m", "pip", "install", "--quiet", ...PACKAGES], "pip needs PyPI");
  await mkdir(done);
}

async function attempted(program: string, args: readonly string[], hint: string): Promise<void> {
  await run(program, args, { maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => {
    throw new UncoupleError("failed-precondition", `${program} failed (${hint}): ${String(error).slice(0, 1000)}`);
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { asUncoupleError, UncoupleError } from "../services/common/errors.ts";
import { attributesOf, DOMAINS } from "../services/learning/snapshot/inspection/operators.ts";
import { exitCodes } from "../services/runtime/exit-codes.ts";

/**
 * Exports models with scikit-learn, LightGBM, XGBoost and PyTorch, runs `uncouple inspect` on each, and compares the list of
 * allowed operators with ONNX's own registry:
 *
 *     npm run test:exporters [-- --python PYTHON]
 *
 * Without --python, installs test/exporters/requirements.txt with pip, once, into a virtual environment in the cache folder.
 */
const root = resolve(import.meta.dirname, "..");
const cache = join(root, "node_modules", ".cache", "exporters");
const scripts = join(root, "test", "exporters");

/** Models that pass inspection, but that no component can have as their exporters write them by default (docs/models.md). */
const UNFIT: Readonly<Record<string, RegExp>> = {
  "wrong-output": /^(sklearn|lightgbm)-.*classes$/,
  "wrong-inputs": /^pytorch-embedding$/,
};

interface Line {
  readonly file: string;
  readonly accepted: boolean;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly operators: readonly string[];
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.once("SIGTERM", () => interrupt.abort());

/** Runs a program with its errors on this terminal, and returns what it prints. */
async function output(program: string, args: readonly string[], allowed: readonly number[] = [0]): Promise<string> {
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], signal: interrupt.signal });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const end = await new Promise<number | string | null>((done) => {
    child.once("error", ({ message }) => done(message));
    child.once("close", (code, signal) => done(code ?? signal));
  });
  if (typeof end === "number" && allowed.includes(end)) return text;
  throw new UncoupleError("failed-precondition", `${program} ${args[0]} ended with ${end}: ${text.slice(-2000)}`);
}

/** @returns the Python of a virtual environment with the exporters */
async function environment(): Promise<string> {
  const python = join(cache, "venv", "bin", "python");
  const installed = await promisify(execFile)(python, [
    "-c",
    "import lightgbm, onnxscript, skl2onnx, torch, xgboost",
  ]).then(
    () => true,
    () => false,
  );
  if (installed) return python;
  await mkdir(cache, { recursive: true });
  console.log("installing the exporters with pip, which takes minutes and gigabytes ...");
  await output("python3", ["-m", "venv", join(cache, "venv")]);
  await output(python, ["-m", "pip", "install", "--quiet", "--requirement", join(scripts, "requirements.txt")]);
  return python;
}

/** Compares every operator on the list with ONNX's registry, in every opset. @returns what differs */
function differences(registry: Registry): string[] {
  const found: string[] = [];
  for (const domain of DOMAINS) {
    const official = registry[domain.name] ?? {};
    const last = Math.max(...Object.values(official).flatMap((versions) => Object.keys(versions).map(Number)));
    if (last !== domain.lastOpset) found.push(`${domain.name} is at opset ${last}, the list at ${domain.lastOpset}`);
    for (const operator of domain.operators.keys()) {
      // Scan has other inputs in opset 8 than later, and Constant can hold a sparse tensor.
      for (let opset = operator === "Scan" ? 9 : domain.firstOpset; opset <= domain.lastOpset; opset++) {
        const since = Object.keys(official[operator] ?? {})
          .map(Number)
          .filter((version) => version <= opset);
        const { sparse_value, ...expected } = official[operator]?.[Math.max(...since)] ?? {};
        const listed = Object.fromEntries(attributesOf(domain, operator, opset) ?? []);
        const text = (attributes: Attributes) =>
          Object.keys(attributes)
            .map((name) => `${name}:${attributes[name]}`)
            .sort()
            .join(" ");
        if (text(listed) !== text(expected))
          found.push(`${operator} in opset ${opset}: ${text(listed)}, not ${text(expected)}`);
      }
    }
  }
  return found;
}

type Attributes = Readonly<Record<string, string>>;
type Registry = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Attributes>>>>>>;

try {
  const { values } = parseArgs({ options: { python: { type: "string" } } });
  const python = values.python ?? (await environment());
  const problems = differences(JSON.parse(await output(python, [join(scripts, "operators.py")])) as Registry);

  const folder = join(cache, "models");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await output(python, [join(scripts, "export_models.py"), folder]);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".onnx")).sort();
  const uncouple = join(root, "dist/services/cli/main.js");
  const paths = files.map((name) => join(folder, name));
  const lines = await output(process.execPath, [uncouple, "inspect", "--json", ...paths], [0, 20]);
  const operators = new Set<string>();
  let accepted = 0;
  for (const line of lines.trim().split("\n")) {
    const { file, reason, detail, operators: used } = JSON.parse(line) as Line;
    const name = file.slice(folder.length + 1, -".onnx".length);
    for (const operator of used) operators.add(operator);
    if (reason === null) accepted++;
    else if (UNFIT[reason]?.test(name) !== true) problems.push(`${name}: ${reason}: ${detail}`);
    else console.log(`${name} fits no component: ${reason}`);
  }
  console.log(`${files.length} models pass inspection with ${operators.size} operators; ${accepted} are accepted`);
  if (problems.length > 0) throw new UncoupleError("failed-precondition", problems.join("\n"));
} catch (thrown) {
  const { code, message } = asUncoupleError(thrown);
  console.error(message);
  process.exitCode = interrupt.signal.aborted ? exitCodes.cancelled : exitCodes[code];
}

import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { arch } from "node:os";
import { basename, dirname, join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { runTool, type ToolOptions } from "./run-tool.ts";

/** The libraries that the binding links to. The numbers are TensorFlow's major version. */
export const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;
const HEADER = "include/tensorflow/c/c_api.h";
const PYTHON = "python3";

/** A `tensorflow` folder as Python's package has it: the libraries, and their headers in `include`. */
export interface TensorflowLibrary {
  readonly folder: string;
  /** Whether it was unpacked from a wheel, into a temporary folder. */
  readonly unpacked: boolean;
}

/**
 * Finds TensorFlow's libraries and headers.
 *
 * @param from a wheel, a virtual environment, a folder with Python packages, or the `tensorflow` folder itself; default: the
 *   TensorFlow that python3 would import
 * @param scratch an empty folder, into which a wheel is unpacked
 * @throws UncoupleError that says what is missing
 */
export async function findTensorflow(
  from: string | undefined,
  scratch: string,
  options: ToolOptions,
): Promise<TensorflowLibrary> {
  const folder = from === undefined ? await pythonsOwn(PYTHON, options) : await folderOf(from, scratch, options);
  for (const library of LIBRARIES) {
    if (existsSync(join(folder, library))) continue;
    throw new UncoupleError(
      "failed-precondition",
      `${from ?? folder} does not contain TensorFlow 2: ${library} not found; give --from a Linux wheel of tensorflow or tensorflow-cpu`,
    );
  }
  if (!existsSync(join(folder, HEADER))) {
    throw new UncoupleError(
      "failed-precondition",
      `${from ?? folder} has TensorFlow's libraries, but not its headers: ${HEADER} not found`,
    );
  }
  return { folder, unpacked: dirname(folder) === scratch };
}

async function folderOf(from: string, scratch: string, options: ToolOptions): Promise<string> {
  const info = await stat(from).catch((thrown: unknown) => {
    const code = errorCode(thrown) === "ENOENT" ? "not-found" : "invalid-argument";
    throw new UncoupleError(code, `--from ${from}: ${fileTrouble(thrown)}`, { cause: thrown });
  });
  if (!info.isDirectory()) return unpackWheel(from, scratch, options);
  const python = join(from, "bin", PYTHON);
  if (existsSync(python)) return pythonsOwn(python, options);
  const inside = join(from, "tensorflow");
  return existsSync(join(inside, LIBRARIES[0])) ? inside : from;
}

/** Finds the package without importing it, and never in the working directory. */
const FIND = `
import importlib.util, sys
sys.path = [folder for folder in sys.path if folder]
spec = importlib.util.find_spec("tensorflow")
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "")
`;

async function pythonsOwn(python: string, options: ToolOptions): Promise<string> {
  const folder = (
    await runTool(python, ["-c", FIND], {
      ...options,
      missing: `${python} not found, so that no installed TensorFlow can be found; give --from WHEEL_OR_DIR`,
      failed: "cannot look for TensorFlow",
    })
  ).trim();
  if (folder !== "") return folder;
  throw new UncoupleError(
    "not-found",
    `TensorFlow is not installed for ${python}: run \`${python} -m pip install tensorflow\`, or give --from WHEEL_OR_DIR`,
  );
}

/** Unpacks only what the binding needs: 850 MB of libraries, and the C API's headers with what they include. */
const UNPACK = `
import re, sys, zipfile
wanted = re.compile(r"tensorflow/(${LIBRARIES.map((name) => name.replaceAll(".", "\\.")).join("|")}|include/(tensorflow/(c|core/platform|tsl)|tsl|xla/tsl)/.*\\.h)")
wheel = zipfile.ZipFile(sys.argv[1])
wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if wanted.fullmatch(name)])
`;

async function unpackWheel(wheel: string, scratch: string, options: ToolOptions): Promise<string> {
  const machine = arch() === "arm64" ? "aarch64" : "x86_64";
  if (!new RegExp(`linux[^-]*_${machine}\\.whl$`).test(basename(wheel))) {
    throw new UncoupleError(
      "invalid-argument",
      `${wheel} is not a wheel for this machine: its name must end with linux_${machine}.whl or manylinux..._${machine}.whl`,
    );
  }
  await runTool(PYTHON, ["-c", UNPACK, wheel, scratch], {
    ...options,
    missing: `${PYTHON} not found, which unpacks the wheel; install it, or unpack the wheel and give --from DIR`,
    failed: `cannot unpack ${wheel}`,
  });
  return join(scratch, "tensorflow");
}

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { platform } from "node:os";
import { dirname, join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import { checkBinding } from "./check-binding.ts";
import { notInstalled } from "./find-binding.ts";
import type { TensorflowBinding } from "./load-tensorflow.ts";
import { installedPackages, NODE_API_VERSION, type TensorflowPackage } from "./packages.ts";
import { runTool, type ToolOptions } from "./run-tool.ts";
import { findTensorflow, LIBRARIES, type TensorflowLibrary } from "./tensorflow-library.ts";

export interface BuildOptions extends ToolOptions {
  /** A wheel or a folder, as `findTensorflow` takes it. */
  readonly from: string | undefined;
  /** Path of the Node binary, whose headers lie in `../include/node`. */
  readonly node: string;
  readonly clock: Clock;
  /** Receives what is being done, one line each. */
  readonly log: (line: string) => void;
  /** URL of the module that the packages are resolved from. */
  readonly packagesFrom?: string;
}

export interface BuiltBinding extends TensorflowBinding {
  readonly file: string;
}

const SOURCES = ["tfjs_backend.cc", "tfjs_binding.cc"];
/** The folder in the package that keeps what was unpacked from a wheel, seen from the binding and from the package. */
const OWN_LIBRARIES = { fromBinding: "$ORIGIN/../../deps", fromPackage: "deps" };

/**
 * Builds the native binding of the installed tfjs-node-gpu or tfjs-node against TensorFlow's own libraries, checks that it
 * trains, and puts it where the package looks for it. Replaces a previous binding only by one that compiled, and leaves
 * none that does not work, because a binding that does not fit may end every process that loads it.
 *
 * A TensorFlow that is installed or unpacked is used where it is; from a wheel, the libraries are copied into the package.
 *
 * @throws UncoupleError with one line that says what is missing or failed
 */
export async function buildBinding(options: BuildOptions): Promise<BuiltBinding> {
  if (platform() !== "linux") {
    throw new UncoupleError("failed-precondition", `the binding can be built on Linux only, not on ${platform()}`);
  }
  const packagesFrom = options.packagesFrom ?? import.meta.url;
  const target = await packageToBuild(packagesFrom);
  const headers = await nodeHeaders(options.node);
  const compiler = await findCompiler(options);
  try {
    const scratch = await mkdtemp(join(target.folder, "build-"));
    try {
      options.log(options.from === undefined ? "looking for TensorFlow" : `reading ${options.from}`);
      const library = await findTensorflow(options.from, scratch, options);
      options.log(`compiling the binding of ${target.name} against ${options.from ?? library.folder}`);
      const built = join(scratch, "tfjs_binding.node");
      await compile(compiler, { target, headers, library, built }, options);
      await put(built, library, target);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  } catch (thrown) {
    if (thrown instanceof UncoupleError || options.signal.aborted) throw thrown;
    throw new UncoupleError(fileErrorCode(thrown), `cannot write to ${target.folder}: ${fileTrouble(thrown)}`, {
      cause: thrown,
    });
  }
  options.log("training with it");
  const result = await checkBinding(packagesFrom, options.clock, options.signal);
  if ("works" in result) return { ...result.works, file: target.binding };
  await rm(target.binding, { force: true });
  throw new UncoupleError(
    "failed-precondition",
    `the binding compiled, but does not work, and was removed: ${result.fails}`,
  );
}

/** The package that the engine would load, of the version that fits tfjs. */
async function packageToBuild(from: string): Promise<TensorflowPackage> {
  const [target] = installedPackages(from);
  if (target === undefined) throw new UncoupleError("failed-precondition", notInstalled());
  const manifest = createRequire(import.meta.url).resolve("@tensorflow/tfjs/package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { readonly version: string };
  if (target.tfjs === version) return target;
  throw new UncoupleError(
    "failed-precondition",
    `${target.name} ${target.tfjs} does not fit @tensorflow/tfjs ${version}; run \`npm install --ignore-scripts ${target.name}@${version}\``,
  );
}

/** Node-API is stable, so that the headers of any version of Node fit. */
async function nodeHeaders(node: string): Promise<string> {
  const own = join(dirname(await realpath(node)), "..", "include", "node");
  const candidates = [own, "/usr/local/include/node", "/usr/include/node"];
  const found = candidates.find((folder) => existsSync(join(folder, "node_api.h")));
  if (found !== undefined) return found;
  throw new UncoupleError(
    "failed-precondition",
    `Node's headers not found (node_api.h in ${candidates.join(", ")}); Node's own archives and images have them, Debian's are in libnode-dev`,
  );
}

async function findCompiler(options: ToolOptions): Promise<string> {
  const compiler = options.env.CXX || "g++";
  const missing = `no C++ compiler: ${compiler} not found; install it (on Debian and Ubuntu, \`apt-get install g++\`), or set CXX`;
  await runTool(compiler, ["--version"], { ...options, missing, failed: `${compiler} does not work` });
  return compiler;
}

interface Compilation {
  readonly target: TensorflowPackage;
  readonly headers: string;
  readonly library: TensorflowLibrary;
  /** Path of the result. */
  readonly built: string;
}

/** What the package's binding.gyp says for Linux, without node-gyp, which needs Python and downloads headers. */
async function compile(compiler: string, { target, headers, library, built }: Compilation, options: ToolOptions) {
  const args = [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", "-w"],
    `-DNAPI_VERSION=${NODE_API_VERSION}`,
    ...["-isystem", headers, "-isystem", join(library.folder, "include")],
    ...SOURCES.map((file) => join(target.folder, "binding", file)),
    ...LIBRARIES.map((file) => join(library.folder, file)),
    `-Wl,-rpath,${library.unpacked ? OWN_LIBRARIES.fromBinding : await realpath(library.folder)}`,
    ...["-o", built],
  ];
  const failed = `${compiler} cannot build the binding of ${target.name}`;
  await runTool(compiler, args, { ...options, missing: failed, failed });
}

async function put(built: string, library: TensorflowLibrary, target: TensorflowPackage): Promise<void> {
  const libraries = join(target.folder, OWN_LIBRARIES.fromPackage);
  await rm(libraries, { recursive: true, force: true });
  if (library.unpacked) {
    await mkdir(libraries);
    for (const file of LIBRARIES) await rename(join(library.folder, file), join(libraries, file));
  }
  await mkdir(dirname(target.binding), { recursive: true });
  await rename(built, target.binding);
}

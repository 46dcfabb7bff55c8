import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { UncoupleError } from "../../common/errors.ts";
import { installedPackages, PACKAGES, type TensorflowPackage } from "./packages.ts";

/** The packages whose native binding was built, at least one, best first, and for each of the others why it does not load. */
export interface FoundBindings {
  readonly built: readonly TensorflowPackage[];
  readonly reasons: readonly string[];
}

/**
 * Looks for packages that could be loaded, without loading one, or tfjs.
 *
 * @param from URL of the module that the packages are resolved from
 * @throws UncoupleError `failed-precondition` if none is installed, or no binding was built
 */
export function findBindings(from: string = import.meta.url): FoundBindings {
  const installed = installedPackages(from);
  if (installed.length === 0) {
    throw new UncoupleError("failed-precondition", `TensorFlow does not load: ${notInstalled()}`);
  }
  const isBuilt = ({ binding }: TensorflowPackage) => existsSync(binding);
  const built = installed.filter(isBuilt);
  const others = installed.filter((one) => !isBuilt(one));
  const reasons = others.map(({ name }) => `the native binding of ${name} is not built`);
  if (built.length === 0) throw doesNotLoad(reasons);
  return { built, reasons };
}

export function doesNotLoad(reasons: readonly string[]): UncoupleError {
  return new UncoupleError("failed-precondition", `TensorFlow does not load: ${reasons.join("; ")}; ${BUILD_IT}`);
}

const BUILD_IT =
  "build it with `uncouple build-tensorflow` or, in a clone of Uncouple, `npm run build:tensorflow` (see docs/engine.md)";

/** Install scripts are left out, because those of the packages download a library that is no longer there. */
export function notInstalled(): string {
  const { version } = createRequire(import.meta.url)("@tensorflow/tfjs/package.json") as { readonly version: string };
  return `neither ${PACKAGES.join(" nor ")} is installed; install one with \`npm install --ignore-scripts ${PACKAGES[0]}@${version}\``;
}

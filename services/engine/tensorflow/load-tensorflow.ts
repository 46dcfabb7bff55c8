import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import { installedPackages, PACKAGES } from "./packages.ts";
import { provideRemovedFunctions } from "./removed-functions.ts";

/** The name under which the packages register themselves in tfjs. */
export const TENSORFLOW_BACKEND = "tensorflow";

export interface TensorflowBinding {
  readonly package: string;
  /** Of TensorFlow: `2.21.0`. */
  readonly version: string;
  readonly gpu: boolean;
}

/** The fields of tfjs-node's backend that tfjs does not declare. */
interface NodeBackend extends tf.KernelBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/**
 * Loads TensorFlow into tfjs if its native binding was built.
 *
 * @param from URL of the module that the packages are resolved from
 * @throws UncoupleError `failed-precondition` that says why each installed package does not load, and what builds its binding
 */
export function loadTensorflow(from: string = import.meta.url): TensorflowBinding {
  const installed = installedPackages(from);
  if (installed.length === 0) {
    throw new UncoupleError("failed-precondition", `TensorFlow does not load: ${NOT_INSTALLED}`);
  }
  provideRemovedFunctions();
  const require = createRequire(from);
  const reasons: string[] = [];
  for (const { name, binding } of installed) {
    if (!existsSync(binding)) {
      reasons.push(`the native binding of ${name} is not built`);
      continue;
    }
    try {
      require(name);
      const backend = tf.findBackend(TENSORFLOW_BACKEND) as NodeBackend | null;
      if (backend === null) reasons.push(`${name} registered no backend`);
      else return { package: name, version: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice };
    } catch (thrown) {
      reasons.push(`${name}: ${firstLine(thrown)}`);
    }
  }
  throw new UncoupleError("failed-precondition", `TensorFlow does not load: ${reasons.join("; ")}; ${BUILD_IT}`);
}

const BUILD_IT =
  "build it with `uncouple build-tensorflow` or, in a clone of Uncouple, `npm run build:tensorflow` (see docs/engine.md)";

/** Install scripts are left out, because those of the packages download a library that is no longer there. */
export const NOT_INSTALLED = `neither ${PACKAGES.join(" nor ")} is installed; install one with \`npm install --ignore-scripts ${PACKAGES[0]}@${tf.version.tfjs}\``;

/** tfjs's explanations are paragraphs; their first line says what failed. */
function firstLine(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return (message.split("\n").find((line) => line.trim() !== "") ?? "unknown").trim();
}

import { createRequire } from "node:module";
import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../tfjs/tf.ts";
import { doesNotLoad, findBindings } from "./find-binding.ts";
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
interface NodeBackend extends Tf.KernelBackend {
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
  const { built, reasons: others } = findBindings(from);
  provideRemovedFunctions();
  const require = createRequire(from);
  const reasons = [...others];
  for (const { name } of built) {
    try {
      require(name);
      const backend = tf.findBackend(TENSORFLOW_BACKEND) as NodeBackend | null;
      if (backend === null) reasons.push(`${name} registered no backend`);
      else return { package: name, version: backend.binding.TF_Version, gpu: backend.isUsingGpuDevice };
    } catch (thrown) {
      reasons.push(`${name}: ${firstLine(thrown)}`);
    }
  }
  throw doesNotLoad(reasons);
}

/** tfjs's explanations are paragraphs; their first line says what failed. */
function firstLine(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return (message.split("\n").find((line) => line.trim() !== "") ?? "unknown").trim();
}

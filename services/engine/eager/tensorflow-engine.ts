import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Engine, EngineReason } from "../interface/engine.ts";
import { createEagerEngine } from "./eager-engine.ts";

/** The npm packages that bind TensorFlow, best first. They are optional, and their native binding more so. */
const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;
const BACKEND = "tensorflow";

export interface TensorflowBinding {
  readonly package: string;
  readonly gpu: boolean;
}

/**
 * Loads TensorFlow into tfjs if its native binding is there.
 *
 * @throws UncoupleError `failed-precondition` that says of every package why it does not load
 */
export function loadTensorflow(): TensorflowBinding {
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const name of PACKAGES) {
    try {
      require(name);
      const backend = tf.findBackend(BACKEND) as (tf.KernelBackend & { isUsingGpuDevice?: boolean }) | null;
      if (backend !== null) return { package: name, gpu: backend.isUsingGpuDevice === true };
      reasons.push(`${name} registered no backend`);
    } catch (thrown) {
      reasons.push(`${name}: ${firstLine(thrown)}`);
    }
  }
  throw new UncoupleError("failed-precondition", `TensorFlow does not load here (${reasons.join("; ")})`);
}

/** tfjs's explanations are paragraphs; their first line says what failed. */
function firstLine(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return (message.split("\n").find((line) => line.trim() !== "") ?? "unknown").trim();
}

/** @throws UncoupleError `failed-precondition` when the native binding does not load */
export function createTensorflowEngine(clock: Clock, reason: EngineReason = "selected"): Engine {
  loadTensorflow();
  return createEagerEngine("tensorflow", BACKEND, clock, reason);
}

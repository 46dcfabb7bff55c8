import type { Clock } from "../../common/clock/clock.ts";
import type { Engine, EngineReason } from "../interface/engine.ts";
import { loadTensorflow, TENSORFLOW_BACKEND } from "../tensorflow/load-tensorflow.ts";
import { createEagerEngine } from "./eager-engine.ts";

/** @throws UncoupleError `failed-precondition` when the native binding does not load */
export function createTensorflowEngine(clock: Clock, reason: EngineReason = "selected"): Engine {
  loadTensorflow();
  return createEagerEngine("tensorflow", TENSORFLOW_BACKEND, clock, reason);
}

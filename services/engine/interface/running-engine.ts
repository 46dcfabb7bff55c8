import type { EngineReason, RunningEngine } from "./engine.ts";
import { numericsClass } from "./numerics.ts";

/** @param name a key of `RUNNING_ENGINES` */
export function runningEngine(
  name: string,
  reason: EngineReason,
  detail = reason === "gpu" ? "a GPU was found" : "chosen by name",
): RunningEngine {
  return { name, numerics: numericsClass(name), reason, detail };
}

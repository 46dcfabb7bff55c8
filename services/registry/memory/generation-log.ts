import type { HeldOutGeneration } from "../../pipeline/generation.ts";
import type { GenerationLog } from "../generation-log.ts";
import { createMemoryLog } from "./log.ts";

export function createMemoryGenerationLog(closed: AbortSignal): GenerationLog {
  const log = createMemoryLog<HeldOutGeneration>(closed);
  return {
    current: async () => log.values().at(-1),
    history: async () => log.values(),
    async start(generation) {
      if (log.values().length !== generation.generation - 1) return false;
      log.append(generation);
      return true;
    },
  };
}

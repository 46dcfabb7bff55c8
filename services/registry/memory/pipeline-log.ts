import { type Clock, timestamp } from "../../common/clock/clock.ts";
import type { PipelineVersion } from "../../pipeline/pipeline-version.ts";
import { nextVersion, type PipelineLog } from "../pipeline-log.ts";
import { createMemoryLog, frozen } from "./log.ts";

export function createMemoryPipelineLog(pipeline: string, clock: Clock, closed: AbortSignal): PipelineLog {
  const log = createMemoryLog<PipelineVersion>(closed);
  const all = () => log.values().map((value, index) => ({ position: index + 1, value }));
  return {
    current: async () => all().at(-1),
    history: async () => all(),
    async apply(content, expected, by) {
      const current = log.values().at(-1)?.digest ?? null;
      const made = frozen(nextVersion(pipeline, current, { content, expected, by }, timestamp(clock)));
      log.append(made);
      return made;
    },
    watch: (from, signal) => log.watch(from, signal),
  };
}

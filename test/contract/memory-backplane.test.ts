import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import { backplaneContract } from "./backplane.ts";
import { compactionContract } from "./compaction.ts";
import type { Implementation } from "./implementation.ts";
import { retentionContract } from "./retention.ts";

const implementation: Implementation = {
  name: "memory",
  async start() {},
  async stop() {},
  async create() {
    const backplane = createMemoryBackplane("demo", { clock: systemClock });
    return { pipeline: "demo", open: async () => backplane, destroy: () => backplane.close() };
  },
};

backplaneContract(implementation);
retentionContract(implementation);
compactionContract(implementation);

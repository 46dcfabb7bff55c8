import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import { backplaneContract } from "./backplane.ts";
import { compactionContract } from "./compaction.ts";
import type { Implementation } from "./implementation.ts";
import { linkedSnapshotsContract } from "./linked-snapshots.ts";
import { retentionContract } from "./retention.ts";

const pipelines = new Map<string, Backplane>();

const implementation: Implementation = {
  name: "memory",
  async start() {},
  async stop() {},
  async create() {
    const pipeline = `demo-${pipelines.size + 1}`;
    const backplane = createMemoryBackplane(pipeline, { clock: systemClock, neighbors: pipelines });
    pipelines.set(pipeline, backplane);
    return { pipeline, open: async () => backplane, destroy: () => backplane.close() };
  },
};

backplaneContract(implementation);
retentionContract(implementation);
compactionContract(implementation);
linkedSnapshotsContract(implementation);

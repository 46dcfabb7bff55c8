import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { backplaneContract } from "./backplane.ts";
import { compactionContract } from "./compaction.ts";
import type { Implementation } from "./implementation.ts";
import { linkedSnapshotsContract } from "./linked-snapshots.ts";
import { retentionContract } from "./retention.ts";

let server: TestNats;
let worlds = 0;

const implementation: Implementation = {
  name: "jetstream",
  async start() {
    server = await startTestNats();
  },
  stop: () => server.stop(),
  async create() {
    const pipeline = `demo-${++worlds}`;
    const opened: Backplane[] = [];
    return {
      pipeline,
      async open() {
        const name = `test-${opened.length}`;
        const backplane = await connectJetStream({
          clock: systemClock,
          url: server.url,
          pipeline,
          name,
          retryLimitMs: 10_000,
          maxStoreBytes: 64 * 1024 ** 2,
        });
        opened.push(backplane);
        return backplane;
      },
      async destroy() {
        await Promise.all(opened.map((backplane) => backplane.close()));
      },
    };
  },
};

backplaneContract(implementation);
retentionContract(implementation);
compactionContract(implementation);
linkedSnapshotsContract(implementation);

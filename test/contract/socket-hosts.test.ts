import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { serveHosts } from "../../services/inference/connect/serve-hosts.ts";
import { socketHosts } from "../../services/inference/connect/socket-hosts.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";
import { hostContract } from "./hosts.ts";

hostContract({
  name: "inference hosts behind a socket",
  async start(memoryBytes) {
    const folder = await mkdtemp(join(tmpdir(), "uncouple-socket-"));
    const path = join(folder, "host.sock");
    const server = await serveHosts({
      path,
      connector: spawnedHosts({ memoryBytes, node: process.execPath }, systemClock),
      maxHosts: 4,
      clock: systemClock,
      onFailure(error) {
        throw error;
      },
    });
    return {
      connector: socketHosts(path),
      async stop() {
        await server.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});

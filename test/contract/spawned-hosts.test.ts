import { systemClock } from "../../services/common/clock/system-clock.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";
import { hostContract } from "./hosts.ts";

hostContract({
  name: "inference hosts as child processes",
  start: async (memoryBytes) => ({
    connector: spawnedHosts({ memoryBytes, node: process.execPath }, systemClock),
    stop: async () => {},
  }),
});

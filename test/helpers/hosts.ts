import { systemClock } from "../../services/common/clock/system-clock.ts";
import { DEFAULT_INFERENCE } from "../../services/inference/client/create-inference.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";

/** Real inference hosts, as child processes of the test. */
export const testHosts = spawnedHosts(
  { memoryBytes: DEFAULT_INFERENCE.memoryBytes, node: process.execPath },
  systemClock,
);

import { writeSync } from "node:fs";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";

/**
 * Compacts a pipeline's logs, in a process of its own for tests to kill: it stops for good after the first step whose report
 * contains a text, and says `ready`.
 */
const [url = "", pipeline = "", step = "", minutesAhead = "0"] = process.argv.slice(2);
const clock = { ...systemClock, now: () => systemClock.now() + Number(minutesAhead) * 60_000 };
const backplane = await connectJetStream({
  ...{ clock, url, pipeline, name: "victim" },
  log(_, message) {
    if (!message.includes(step)) return;
    writeSync(1, "ready\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
await backplane.compaction.compact(1, new AbortController().signal);
writeSync(1, "compacted\n");
await backplane.close();

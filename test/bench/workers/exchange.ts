import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { sha256 } from "../../../services/common/files/digest.ts";
import { addCoordinatorService } from "../../../services/rpc/server/coordinator-server.ts";
import { createRpcServer } from "../../../services/rpc/server/server.ts";
import type { CoordinatorService } from "../../../services/rpc/services/coordinator-service.ts";
import { readState } from "../../../services/trainer/coordinator/results.ts";
import { freePort } from "../../helpers/free-port.ts";
import { silentLog } from "../../helpers/log.ts";
import { repeatableTraining } from "../../helpers/unit-training.ts";
import { openFleet } from "../../helpers/worker-fleet.ts";
import { atLeast, atMost, type Row } from "./row.ts";

const MB = 1e6;
/** Adam keeps three values for each weight. */
const WIDTH = 2_650;
const SLOTS = 2;

/** States of 256 MB there and back: memory, and the longest time without a turn of the event loop. */
export async function exchange(): Promise<readonly Row[]> {
  const widths = [WIDTH, WIDTH, WIDTH, WIDTH];
  const plan = { slots: SLOTS, syncEvery: 1 };
  const training = await repeatableTraining({ widths, batch: 1, rows: 2, steps: 3, plan });
  const state = training.shipped.initial.bytes.byteLength / MB;
  // Units in this process would need memory of their own.
  const fleet = await openFleet({}, { cpus: 0 });
  const metricsPort = await freePort();
  fleet.start("w1", { args: ["--metrics-port", String(metricsPort)] });
  await fleet.present(1);
  let memory = 0;
  const sampling = setInterval(() => {
    memory = Math.max(memory, process.memoryUsage.rss() / MB);
  }, 20);
  try {
    // Compiles.
    await training.run(fleet.coordinator);
    await scrape(metricsPort);
    const loop = monitorEventLoopDelay({ resolution: 1 });
    memory = 0;
    loop.enable();
    await training.run(fleet.coordinator);
    loop.disable();
    const worker = await scrape(metricsPort);
    const what = `units of ${state.toFixed(0)} MB of state`;
    const workerHold = 1000 * (worker.get("nodejs_eventloop_lag_max_seconds") ?? Number.NaN);
    const workerMemory = (worker.get("process_resident_memory_bytes") ?? Number.NaN) / MB;
    return [
      atMost(`${what}: event loop of the trainer held`, 50, "ms", [loop.max / MB], 0),
      atMost(`${what}: event loop of the worker held`, 50, "ms", [workerHold], 0),
      atMost(`${what}: memory of the trainer, ${SLOTS} slots`, (5 + SLOTS) * Math.ceil(state), "MB", [memory], 0),
      atMost(`${what}: memory of the worker`, 9 * Math.ceil(state), "MB", [workerMemory], 0),
    ];
  } finally {
    clearInterval(sampling);
    await fleet.close();
  }
}

/** Bytes of 256 MB there and back between two processes, with their digests on both sides. */
export async function transfer(): Promise<readonly Row[]> {
  const bytes = new Uint8Array(256 * MB).fill(7);
  const digest = await sha256(bytes);
  const repeats = 3;
  const began: number[] = [];
  const server = createRpcServer({ clock: systemClock, host: "127.0.0.1", port: 0, log: silentLog });
  const ended: number[] = [];
  const exchanged: Pick<CoordinatorService, "fetch" | "submit"> = {
    async fetch() {
      began.push(performance.now());
      return bytes;
    },
    async submit({ outcome }, parts) {
      if ("error" in outcome) throw new Error(outcome.error.message);
      const layout = bytes;
      await readState(parts, outcome, layout, systemClock, 5_000);
      ended.push(performance.now());
      return { fate: "applied", reason: "" };
    },
  };
  addCoordinatorService(server, () => exchanged as CoordinatorService);
  const port = await server.start();
  const script = join(import.meta.dirname, "transfer-client.ts");
  const client = fork(script, [String(port), String(bytes.length), digest, String(repeats)]);
  const [code] = await once(client, "exit");
  await server.stop(0);
  if (code !== 0) throw new Error(`the client ended with ${code}`);
  const rates = ended.map((end, i) => (2 * bytes.length) / MB / ((end - (began[i] as number)) / 1000));
  return [atLeast("256 MB there and back, hashed on both sides", 250, "MB/s", rates, 0)];
}

/** The values of a worker's metrics without labels. */
async function scrape(port: number): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm)].map(([, name, value]) => [name as string, Number(value)]),
  );
}

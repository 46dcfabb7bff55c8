import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canSyncFirst, natsServerVersion } from "../../services/cli/stack/durability.ts";
import { serverInfo } from "../../services/cli/stack/server-info.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { draft } from "../helpers/drafts.ts";
import { freePort } from "../helpers/free-port.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";

/**
 * Measures the throughput of publishing and reading models over loopback, with and without `sync_interval: always` where
 * the server knows it.
 *
 *     npm run bench:publish [-- --server /path/to/nats-server] [-- --json]
 */
const { values: options } = parseArgs({
  options: { server: { type: "string" }, json: { type: "boolean", default: false } },
});
const MIB = 1024 * 1024;
const SIZES = [
  { bytes: 64 * 1024, repeats: 100 },
  { bytes: MIB, repeats: 30 },
  { bytes: 16 * MIB, repeats: 8 },
  { bytes: 256 * MIB, repeats: 3 },
];

interface Row {
  readonly server: string;
  readonly sync: "always" | "default";
  readonly bytes: number;
  readonly publishMegabytesPerSecond: number;
  readonly readMegabytesPerSecond: number;
  /** Median of a whole publish. */
  readonly publishMilliseconds: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

async function measure(binary: string, version: string, sync: Row["sync"]): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-bench-publish-"));
  const port = await freePort();
  const extra = sync === "always" ? ", sync_interval: always" : "";
  const config = `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(dir)}, max_file: 8GB${extra} }\n`;
  await writeFile(join(dir, "server.conf"), config);
  const server = spawn(binary, ["-c", join(dir, "server.conf")], { stdio: "ignore" });
  try {
    const url = `nats://127.0.0.1:${port}`;
    while ((await serverInfo(url))?.jetstream !== true) await systemClock.sleep(50);
    const backplane = await connectJetStream({
      url,
      pipeline: "bench",
      name: "bench",
      clock: systemClock,
      maxStoreBytes: 4096 * MIB,
    });
    const rows: Row[] = [];
    for (const { bytes, repeats } of SIZES) {
      const [published, read]: [number[], number[]] = [[], []];
      for (let repeat = 0; repeat < repeats; repeat++) {
        const model = new Uint8Array(bytes).fill(repeat);
        const given = draft({ pipeline: "bench", runId: `${bytes}-${repeat}` });
        const before = performance.now();
        const manifest = await backplane.registry.publish(given, model, "any");
        const between = performance.now();
        await backplane.registry.bytes(manifest);
        published.push(between - before);
        read.push(performance.now() - between);
      }
      const rate = (times: readonly number[]) => bytes / 1e3 / median(times);
      rows.push({
        server: version,
        sync,
        bytes,
        publishMegabytesPerSecond: rate(published),
        readMegabytesPerSecond: rate(read),
        publishMilliseconds: median(published),
      });
    }
    await backplane.close();
    return rows;
  } finally {
    server.kill("SIGTERM");
    if (server.exitCode === null) await once(server, "exit");
    await rm(dir, { recursive: true, force: true });
  }
}

const binary = options.server ?? (await natsServerBinary());
const version = (await natsServerVersion(binary)) ?? "unknown";
const rows = await measure(binary, version, "default");
if (canSyncFirst(version)) rows.push(...(await measure(binary, version, "always")));
if (options.json) console.log(JSON.stringify({ rows }));
else {
  for (const { sync, bytes, ...row } of rows) {
    console.log(
      `nats-server ${version}, sync ${sync.padEnd(7)}  ${String(bytes / 1024).padStart(6)} KiB  publish ${row.publishMegabytesPerSecond.toFixed(0).padStart(5)} MB/s (${row.publishMilliseconds.toFixed(1)} ms)  read ${row.readMegabytesPerSecond.toFixed(0).padStart(5)} MB/s`,
    );
  }
}

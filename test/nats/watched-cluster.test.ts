import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import type { StoreUsage } from "../../services/registry/usage.ts";
import { type NatsCluster, startNatsCluster } from "../helpers/nats-cluster.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";

let cluster: NatsCluster | undefined;
let backplane: JetStreamBackplane;

beforeAll(async () => {
  const newest = (await natsVersions()).at(-1);
  if (newest === undefined) throw new Error("no nats-server");
  cluster = await startNatsCluster(newest);
  const maxStoreBytes = 64 * 1024 ** 2;
  const { url } = cluster;
  backplane = await connectJetStream({ url, pipeline: "demo", name: "watch", clock: systemClock, maxStoreBytes });
});
afterAll(async () => {
  await backplane?.close();
  await cluster?.stop();
});

/** While a stream has no leader, nothing is measured. */
const usage = (): Promise<StoreUsage | undefined> => backplane.usage().catch(() => undefined);
const copiesBehind = () => expect.poll(async () => (await usage())?.copiesBehind, { timeout: 60_000, interval: 500 });

async function countStreams(): Promise<number> {
  const raw = await connectRaw(cluster?.url ?? "");
  try {
    return (await raw.jsm.streams.list().next()).length;
  } finally {
    await raw.close();
  }
}

test("copies of a server that is gone are behind until it is back", async () => {
  await copiesBehind().toBe(0);
  const streams = await countStreams();
  expect(streams).toBeGreaterThanOrEqual(9);
  const [victim] = cluster?.servers ?? [];
  await victim?.kill();
  // One copy of each of the pipeline's streams.
  await copiesBehind().toBe(streams);
  await victim?.start();
  await copiesBehind().toBe(0);
});

test("the server's clock is this machine's", async () => {
  const offset = await backplane.clockOffset();
  expect(Math.abs(offset ?? Number.NaN)).toBeLessThan(0.5);
});

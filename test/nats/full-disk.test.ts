import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { draft, model } from "../helpers/drafts.ts";
import { type ClusterServer, startNatsCluster } from "../helpers/nats-cluster.ts";
import { natsVersions } from "../helpers/nats-versions.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { createSmallDisk } from "../helpers/small-disk.ts";

const DISK_MIB = 24;
const MODEL_BYTES = 500_000;
/** Three times what fits. */
const SNAPSHOTS = 150;

const skipped = process.getuid?.() !== 0 || process.platform !== "linux";
if (skipped) console.log("full disks are not tested: mounting a tmpfs needs root on Linux");

const connect = (url: string): Promise<JetStreamBackplane> =>
  connectJetStream({ url, pipeline: "demo", name: "test", clock: systemClock, maxStoreBytes: 512 * 1024 ** 2 });

/** Waits until every server has all messages of every stream. */
const whole = async (url: string) => {
  const raw = await connectRaw(url);
  for (;;) {
    const streams = await raw.jsm.streams.list().next();
    const replicas = streams.flatMap(({ cluster }) => cluster?.replicas ?? []);
    const complete = replicas.filter(({ current, offline }) => current && offline !== true);
    if (streams.length > 0 && complete.length === streams.length * 2) break;
    await systemClock.sleep(200);
  }
  await raw.close();
};

describe.skipIf(skipped).each(await natsVersions())(
  "a full disk under one of three nats-servers $version",
  (version) => {
    test("loses nothing; the server comes back when its disk has room and it is restarted", async () => {
      const disk = await createSmallDisk(DISK_MIB);
      const storeDirOf = (server: number) => (server === 0 ? join(disk.folder, "nats") : undefined);
      const cluster = await startNatsCluster(version, storeDirOf);
      const backplanes: JetStreamBackplane[] = [];
      try {
        const publisher = await connect(cluster.url);
        backplanes.push(publisher);
        const acknowledged: SnapshotManifest[] = [];
        let longest = 0;
        let leastRoom = Number.POSITIVE_INFINITY;
        while (acknowledged.length < SNAPSHOTS) {
          const start = performance.now();
          acknowledged.push(await publisher.registry.publish(draft(), model(acknowledged.length, MODEL_BYTES), "any"));
          longest = Math.max(longest, performance.now() - start);
          const { bavail, bsize } = await statfs(disk.folder);
          leastRoom = Math.min(leastRoom, bavail * bsize);
        }
        expect(leastRoom).toBeLessThan(MODEL_BYTES * 2);
        const check = async () => {
          const reader = await connect(cluster.url);
          backplanes.push(reader);
          expect(await reader.registry.list()).toEqual(acknowledged);
          for (const manifest of acknowledged) await reader.registry.bytes(manifest);
        };
        await check();

        await disk.grow(1024);
        const [full, other] = cluster.servers as [ClusterServer, ClusterServer, ClusterServer];
        await full.kill();
        await full.start();
        acknowledged.push(await publisher.registry.publish(draft(), model(0, MODEL_BYTES), "any"));
        await whole(cluster.url);
        // Now the server with the new disk is needed for a majority.
        await other.kill();
        acknowledged.push(await publisher.registry.publish(draft(), model(1, MODEL_BYTES), "any"));
        await check();
        console.log(
          `nats-server ${version.version}, full disk: ${acknowledged.length} snapshots, longest publish ${(longest / 1000).toFixed(1)} s`,
        );
      } finally {
        await Promise.all(backplanes.map((backplane) => backplane.close()));
        await cluster.stop();
        await disk.remove();
      }
    });
  },
);

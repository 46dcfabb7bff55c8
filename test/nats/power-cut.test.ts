import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { canSyncFirst } from "../../services/cli/stack/durability.ts";
import { startNatsServer } from "../../services/cli/stack/nats-server.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { draft, model } from "../helpers/drafts.ts";
import { createLossyDisk } from "../helpers/lossy-disk.ts";
import { natsVersions } from "../helpers/nats-versions.ts";

const connect = (url: string, create: boolean): Promise<JetStreamBackplane> =>
  connectJetStream({ url, pipeline: "demo", name: "test", clock: systemClock, create, maxStoreBytes: 64 * 1024 ** 2 });

const SNAPSHOTS = 40;

const skipped = process.getuid?.() !== 0 || process.platform !== "linux";
if (skipped) console.log("power cuts are not tested: mounting a loop device needs root on Linux");

describe.skipIf(skipped).each(await natsVersions())("a power cut under nats-server $version", ({ binary, version }) => {
  test("loses nothing that was acknowledged, if the server syncs first; otherwise the newest at most", async () => {
    const disk = await createLossyDisk(400);
    try {
      const before = await startNatsServer({ binary, storeDir: join(disk.folder, "nats"), clock: systemClock });
      const publisher = await connect(before.url, true);
      const acknowledged: SnapshotManifest[] = [];
      while (acknowledged.length < SNAPSHOTS) {
        acknowledged.push(await publisher.registry.publish(draft(), model(acknowledged.length, 200_000), "any"));
      }
      process.kill(before.pid, "SIGSTOP");
      const folder = await disk.cutPower();
      process.kill(before.pid, "SIGCONT");
      await publisher.close();
      await before.stop();

      const after = await startNatsServer({ binary, storeDir: join(folder, "nats"), clock: systemClock });
      const reader = await connect(after.url, false).catch((error: { code?: string }) => error);
      let kept = 0;
      if ("registry" in reader) {
        const manifests = await reader.registry.list();
        expect(manifests.map(({ serial }) => serial)).toEqual(manifests.map((_, index) => index + 1));
        expect(manifests).toEqual(acknowledged.slice(0, manifests.length));
        for (const manifest of manifests) {
          const bytes = await reader.registry.bytes(manifest).catch((error: { code?: string }) => error);
          // Lost bytes are reported as such; others are never returned.
          if (bytes instanceof Uint8Array) kept += 1;
          else expect(bytes).toMatchObject({ code: "data-loss" });
        }
        await reader.close();
      } else {
        expect(reader).toMatchObject({ code: "not-found" });
      }
      await after.stop();
      console.log(`nats-server ${version}: ${acknowledged.length} acknowledged, ${kept} whole after the power cut`);
      if (canSyncFirst(version)) expect(kept).toBe(SNAPSHOTS);
      // Shows that the cut is one: without syncs, the page cache is lost.
      else expect(kept).toBeLessThan(SNAPSHOTS);
    } finally {
      await disk.remove();
    }
  });
});

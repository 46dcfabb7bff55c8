import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { collectGarbage } from "../../services/composition/collect-garbage.ts";
import { withPipelineView } from "../../services/composition/pipeline-view.ts";
import { snapshotName } from "../../services/pipeline/manifest.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { draft, model, release, verdict } from "../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { take } from "../helpers/take.ts";

let server: TestNats;
let other: TestNats;
let dir: string;
const run = (nats: TestNats, ...args: readonly string[]) => cli([...args, "--nats", nats.url], { cwd: dir });

beforeAll(async () => {
  [server, other] = await Promise.all([startTestNats(), startTestNats()]);
  dir = await mkdtemp(join(tmpdir(), "uncouple-backup-"));
});
afterAll(async () => {
  await Promise.all([server.stop(), other.stop()]);
  await rm(dir, { recursive: true, force: true });
});

test("backups among publishers, judges, promoters and collections are consistent", async () => {
  const busy = "busy";
  const connect = (url: string) => connectJetStream({ clock: systemClock, url, pipeline: busy, name: "test" });
  const [publishing, judging, promoting, collecting] = await Promise.all([
    connect(server.url),
    connect(server.url),
    connect(server.url),
    connect(server.url),
  ]);
  const publisher = async (component: string) => {
    for (let count = 0; count < 10; count++) {
      await publishing.registry.publish(draft({ pipeline: busy, component }), model(count, 600_000), "any");
    }
  };
  const over = new AbortController();
  let released = 0;
  const judge = async () => {
    for await (const { manifest } of judging.registry.watch(0, over.signal)) {
      await judging.verdicts.append(verdict(manifest.component, manifest.serial, { pipeline: busy }));
      const composition = { [manifest.component]: manifest.serial };
      await judging.ledger.append(release(++released, { pipeline: busy, composition }));
    }
  };
  const promoter = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const newest = await promoting.registry.latest("m1");
      const now = (await promoting.registry.aliases("m1")).audited ?? null;
      if (newest === undefined || newest.serial === now) continue;
      await promoting.registry.setAlias("m1", "audited", newest.serial, now, "test").catch((thrown: unknown) => {
        expect(thrown).toMatchObject({ code: "deleted" });
      });
    }
  };
  let deleted = 0;
  const collector = async () => {
    const deps = { backplane: collecting, clock: systemClock };
    const options = { ...deps, pipeline: busy, policy: { keep: 1, champions: 1 }, by: "test" };
    for (let count = 0; count < 4; count++) {
      const collection = await withPipelineView(deps, new AbortController().signal, (view, signal) =>
        collectGarbage({ ...options, view }, signal),
      );
      deleted += collection.deleted.length;
    }
  };
  const judged = judge();
  for (let round = 1; round <= 3; round++) {
    const roundOver = new AbortController();
    const others = [publisher("m1"), publisher("m2"), collector(), promoter(roundOver.signal)];
    const saved = await run(server, "backup", "busy.tar", "--pipeline", busy, "--force", "--json");
    roundOver.abort();
    await Promise.all(others);
    expect(saved).toMatchObject({ code: 0 });
    const { snapshots, models, lost } = JSON.parse(saved.stdout) as Record<string, unknown>;
    expect(lost).toEqual([]);
    expect(await run(other, "restore", "busy.tar", "--force")).toMatchObject({ code: 0 });
    const copy = await connect(other.url);
    const manifests = await copy.registry.list();
    expect(manifests).toHaveLength(snapshots as number);
    const buried = new Set((await copy.retention.tombstones()).map(snapshotName));
    const kept = manifests.filter((manifest) => !buried.has(snapshotName(manifest)));
    for (const manifest of kept) expect(await copy.registry.bytes(manifest)).toHaveLength(600_000);
    expect(kept).toHaveLength(models as number);
    const names = new Set(manifests.map(snapshotName));
    for (const one of await copy.verdicts.list()) expect(names).toContain(snapshotName(one));
    const releases = await take(copy.ledger.read(0), await copy.ledger.end());
    if (round > 1) expect(releases.length).toBeGreaterThan(0);
    for (const { value } of releases) {
      const [[component, serial] = []] = Object.entries("composition" in value ? value.composition : {});
      expect(names).toContain(`${component}@${serial}`);
    }
    const { audited } = await copy.registry.aliases("m1");
    expect(buried).not.toContain(`m1@${audited}`);
    const serials = manifests.filter(({ component }) => component === "m1").map(({ serial }) => serial);
    const next = await copy.registry.publish(draft({ pipeline: busy }), model(2), "any");
    expect(next.serial).toBe(Math.max(0, ...serials) + 1);
    await copy.close();
  }
  over.abort();
  await judged;
  expect(deleted).toBeGreaterThan(0);
  await Promise.all([publishing, judging, promoting, collecting].map((one) => one.close()));
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { asUncoupleError } from "../../../services/common/errors.ts";
import { type Collection, collectGarbage } from "../../../services/composition/collect-garbage.ts";
import { withPipelineView } from "../../../services/composition/pipeline-view.ts";
import { type SnapshotManifest, snapshotName } from "../../../services/pipeline/manifest.ts";
import { DeletedError } from "../../../services/pipeline/tombstone.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { connectJetStream } from "../../../services/registry/jetstream/backplane.ts";
import { appendRelease } from "../../../services/releases/append-release.ts";
import { draft, model, release, verdict } from "../../helpers/drafts.ts";
import { expectedToStay } from "../../helpers/expected-garbage.ts";
import { seededRandom } from "../../helpers/faulty-backplane.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

const never = new AbortController().signal;
let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());

const open = (pipeline: string) =>
  connectJetStream({ clock: systemClock, url: server.url, pipeline, name: "test", maxStoreBytes: 128 * 1024 ** 2 });
const gc = (pipeline: string, backplane: Backplane, keep: number): Promise<Collection> =>
  withPipelineView({ backplane, clock: systemClock }, never, (view, signal) => {
    const policy = { keep, champions: 1 };
    return collectGarbage({ pipeline, policy, by: "test", backplane, view, clock: systemClock }, signal);
  });
/** The bytes of a snapshot follow from its run. */
const bytesOf = (runId: string) => model(Number(/\d+$/.exec(runId)?.[0]), 700_000);
/** @returns `whole` or `deleted`; anything else fails the test */
const read = async ({ registry }: Backplane, manifest: SnapshotManifest) =>
  registry.bytes(manifest).then(
    (bytes) => {
      expect(Buffer.compare(bytes, bytesOf(manifest.runId)), snapshotName(manifest)).toBe(0);
      return "whole" as const;
    },
    (thrown: unknown) => {
      expect(thrown, snapshotName(manifest)).toBeInstanceOf(DeletedError);
      return "deleted" as const;
    },
  );

test.concurrent("collections among publishers, trainers, judges, promoters and readers: nothing is read by halves, nothing pinned disappears", async () => {
  const pipeline = "gc-concurrent";
  const six = [open(pipeline), open(pipeline), open(pipeline), open(pipeline), open(pipeline), open(pipeline)] as const;
  const opened = await Promise.all(six);
  const [publishing, training, judging, promoting, reading, collecting] = opened;
  const done = new AbortController();
  const random = seededRandom(3);
  const oneOf = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)];
  let runs = 0;
  const publish = (backplane: Backplane, component: string, upstream = {}) => {
    const made = draft({ pipeline, component, runId: `run-${++runs}`, provenance: { upstream } });
    return backplane.registry.publish(made, bytesOf(made.runId), "any");
  };

  const publisher = async () => {
    for (let count = 0; count < 40; count++) await publish(publishing, "u");
  };
  let pinned = 0;
  let refused = 0;
  /** Trains on any snapshot that is announced, also on old ones, which are about to be deleted. */
  const trainer = async (name: string) => {
    while (!done.signal.aborted) {
      const upstream = oneOf(await training.registry.list("u"));
      if (upstream === undefined) continue;
      const holder = `${name}-${runs}`;
      try {
        await training.retention.pin(holder, { u: upstream.serial });
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(DeletedError);
        refused++;
        continue;
      }
      pinned++;
      for (let look = 0; look < 3; look++) expect(await read(training, upstream)).toBe("whole");
      if (random() < 0.3) await publish(training, name, { u: upstream.serial });
      expect(await read(training, upstream)).toBe("whole");
      await training.retention.release(holder);
    }
  };
  const judge = async () => {
    for await (const { manifest } of judging.registry.watch(0, done.signal)) {
      await judging.verdicts.append(verdict(manifest.component, manifest.serial, { pipeline }));
    }
  };
  const promoter = async () => {
    while (!done.signal.aborted) {
      const target = oneOf(await promoting.registry.list("u"));
      const now = (await promoting.registry.aliases("u")).audited ?? null;
      const previous = (await promoting.ledger.release())?.value;
      if (target === undefined) continue;
      try {
        if (random() < 0.5) await promoting.registry.setAlias("u", "audited", target.serial, now, "test");
        else {
          const draft = { ...release(1), pipeline, composition: { u: target.serial }, previous };
          expect(await appendRelease(promoting, draft, "u")).toBeDefined();
        }
        expect(await read(promoting, target)).toBe("whole");
      } catch (thrown) {
        expect(asUncoupleError(thrown).code).toBe("deleted");
      }
    }
  };
  const outcomes = { whole: 0, deleted: 0 };
  const reader = async () => {
    while (!done.signal.aborted) {
      const any = oneOf(await reading.registry.list());
      if (any !== undefined) outcomes[await read(reading, any)]++;
    }
  };
  const deleted = new Set<string>();
  const collector = async () => {
    while (!done.signal.aborted) {
      for (const garbage of (await gc(pipeline, collecting, 3)).deleted) {
        expect(deleted.has(snapshotName(garbage))).toBe(false);
        deleted.add(snapshotName(garbage));
      }
    }
  };
  const others = [trainer("v"), trainer("w"), judge(), promoter(), reader(), reader(), collector()];
  await publisher();
  done.abort();
  await Promise.all(others);
  expect(pinned).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
  expect(outcomes.whole).toBeGreaterThan(0);
  expect(outcomes.deleted).toBeGreaterThan(0);

  // Now that nothing moves, exactly what the rules keep is there.
  const { registry, verdicts } = judging;
  for (const { component, serial } of await registry.list()) {
    await verdicts.append(verdict(component, serial, { pipeline }));
  }
  const expected = await expectedToStay(collecting, { keep: 3, champions: 1 }, []);
  await gc(pipeline, collecting, 3);
  const whole: string[] = [];
  for (const manifest of await registry.list()) {
    if ((await read(reading, manifest)) === "whole") whole.push(snapshotName(manifest));
  }
  expect(new Set(whole)).toEqual(expected);
  const raw = await connectRaw(server.url);
  expect(await raw.count(`OBJ_uncouple-${pipeline}-models`, "$O.*.M.>")).toBe(expected.size);
  await raw.close();
  await Promise.all(opened.map((backplane) => backplane.close()));
}, 60_000);

test.concurrent("a collection that is killed between its tombstones and the purge is completed by the next", async () => {
  const pipeline = "gc-killed";
  const backplane = await open(pipeline);
  const manifests: SnapshotManifest[] = [];
  for (let run = 1; run <= 4; run++) {
    const made = draft({ pipeline, component: "u", runId: `run-${run}` });
    const manifest = await backplane.registry.publish(made, bytesOf(made.runId), "any");
    await backplane.verdicts.append(verdict("u", manifest.serial, { pipeline }));
    manifests.push(manifest);
  }
  const raw = await connectRaw(server.url);
  const store = `OBJ_uncouple-${pipeline}-models`;
  const chunks = () => raw.count(store, "$O.*.C.>");
  const stored = await chunks();
  const client = join(import.meta.dirname, "../../helpers/registry-client.ts");
  const victim = spawn(process.execPath, ["--import", "tsx", client, "delete", server.url, pipeline], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(victim.stdout, "data");
  victim.kill("SIGKILL");
  await once(victim, "exit");

  expect(await chunks()).toBe(stored);
  expect((await backplane.retention.tombstones()).map(snapshotName)).toEqual(["u@3", "u@2", "u@1"]);
  expect(await Promise.all(manifests.map((manifest) => read(backplane, manifest)))).toEqual([
    ...["deleted", "deleted", "deleted"],
    "whole",
  ]);
  // As a purge that was killed in the middle: chunks without their metadata.
  const { state } = await raw.jsm.streams.info(store, { subjects_filter: "$O.*.M.>" });
  const named = (subject: string) => Buffer.from(subject.split(".").at(-1) ?? "", "base64").toString();
  const filter = Object.keys(state.subjects ?? {}).find((subject) => named(subject).startsWith("u/run-1/"));
  expect(await raw.jsm.streams.purge(store, { filter: filter ?? "" })).toMatchObject({ purged: 1 });
  const { deleted, completed } = await gc(pipeline, backplane, 1);
  expect(deleted).toEqual([]);
  expect(completed.map(snapshotName)).toEqual(["u@1", "u@2", "u@3"]);
  expect(await chunks()).toBe(stored / 4);
  expect(await raw.count(store, "$O.*.M.>")).toBe(1);
  expect(await read(backplane, manifests[3] as SnapshotManifest)).toBe("whole");
  await raw.close();
  await backplane.close();
}, 60_000);

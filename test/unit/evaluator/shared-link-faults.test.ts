import { describe, expect, test } from "vitest";
import { createPipelineGate } from "../../../services/composition/pipeline-gate.ts";
import { createPipelineView } from "../../../services/composition/pipeline-view.ts";
import { createSharedLinks, type SharedLinksDeps } from "../../../services/evaluator/shared/shared-links.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { tombstone } from "../../helpers/drafts.ts";
import { dyingBackplane } from "../../helpers/dying-backplane.ts";
import { faultyBackplane, seededRandom } from "../../helpers/faulty-backplane.ts";
import { silentLog } from "../../helpers/log.ts";
import { openSharedWorld, type SharedWorld } from "../../helpers/shared-world.ts";

/** A process that links, until the signal aborts. The lease of one that died has expired. */
function startLinking(world: SharedWorld, backplane: Backplane, end: AbortSignal): void {
  const { clock } = world;
  const pipeline = world.using();
  const onError = () => {};
  const view = createPipelineView({
    backplane,
    clock,
    onError,
    onAnnouncement: ({ manifest }) => links.noteAnnouncement(manifest),
  });
  const quarantine: SharedLinksDeps["quarantine"] = async (snapshot, reason, detail) => {
    const stamp = { pipeline: "demo", evaluator: "e1", judgedAt: "2026-01-01T00:00:00.000Z" };
    const { component, serial } = snapshot;
    await backplane.quarantines.append({ version: 1, ...stamp, component, serial, reason, detail });
  };
  const lease = { lost: new AbortController().signal, release: async () => {} };
  const links = createSharedLinks({
    evaluator: "e1",
    pipeline,
    backplane: { ...backplane, leases: { ...backplane.leases, acquire: async () => lease } },
    view,
    applied: createPipelineGate(pipeline, "demo.yaml", { pipelines: backplane.pipelines, clock, onError }),
    quarantine,
    onPass: () => {},
    reportFailure: () => {},
    clock,
    log: silentLog,
  });
  void view.follow(end);
  void links.run(end);
}

/** Two releases of the owner, of which the first is deleted here, and the second quarantined there. */
async function prepare(): Promise<SharedWorld> {
  const world = openSharedWorld();
  await world.applyOwner();
  for (const x of [1.5, 2]) await world.publishOwner({ x });
  await world.releaseOwner(1);
  return world;
}

const isDone = async (world: SharedWorld) => {
  const { references } = await world.ads.retention.state();
  const quarantined = await world.backplane.quarantines.list();
  return references.length === 1 && references[0]?.serial === 2 && quarantined.length === 1;
};

/** What happens whatever dies: everybody else waits for it. */
async function play(world: SharedWorld, live: (work: () => Promise<boolean>) => Promise<void>): Promise<void> {
  await live(async () => (await world.linked()).length > 0);
  const { retention } = world.backplane;
  await retention.delete(tombstone("u", 1, { pipeline: "demo" }), (await retention.state()).position);
  await world.releaseOwner(2);
  await live(async () => (await world.linked()).length > 1);
  await world.quarantineOwner(2, "test");
  await live(() => isDone(world));
}

async function check(world: SharedWorld): Promise<void> {
  expect(await world.linked()).toEqual([1, 2]);
  expect((await world.ads.retention.state()).references).toEqual([
    { component: "u", serial: 2, by: "demo", holder: "demo/u ads/u@2" },
  ]);
  expect((await world.backplane.quarantines.list()).map(({ serial }) => serial)).toEqual([2]);
}

describe("linking", () => {
  test.each([true, false])("a process that dies at any write links everything once (write lost: %s)", async (lost) => {
    let kills = 0;
    for (let at = 0; ; at++) {
      const world = await prepare();
      const end = new AbortController();
      const dying = dyingBackplane(world.backplane, at, lost);
      startLinking(world, dying.backplane, AbortSignal.any([end.signal, dying.died]));
      dying.died.addEventListener("abort", () => startLinking(world, world.backplane, end.signal));
      await play(world, world.until);
      await check(world);
      end.abort();
      await world.close();
      if (!dying.died.aborted) break;
      kills++;
    }
    // Two references, two links, a reference that is released, and a quarantine.
    expect(kills).toBeGreaterThanOrEqual(6);
  });

  test("two processes without a lease, each over a bad network, link everything once", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = await prepare();
      const end = new AbortController();
      for (const process of [1, 2]) {
        const random = seededRandom(seed * 100 + process);
        startLinking(world, faultyBackplane(world.backplane, { random, clock: world.clock, rate: 0.2 }), end.signal);
      }
      const until = async (condition: () => Promise<boolean>) => {
        while (!(await condition())) await world.clock.advance(5_000);
      };
      await play(world, until);
      // The other process may still write what it has decided.
      await world.clock.advance(30 * 60_000);
      expect(await world.linked(), `seed ${seed}`).toEqual([1, 2]);
      await until(() => isDone(world));
      end.abort();
      await world.close();
    }
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { checkAskedSnapshots } from "../../../services/composition/asked-snapshots.ts";
import { createPipelineView, type PipelineView } from "../../../services/composition/pipeline-view.ts";
import { resolveSnapshots } from "../../../services/composition/resolve-snapshots.ts";
import type { Component, Pipeline } from "../../../services/pipeline/pipeline.ts";
import { DeletedError } from "../../../services/pipeline/tombstone.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { draft, model, quarantine, tombstone, verdict } from "../../helpers/drafts.ts";
import { benchPipeline } from "../../helpers/trainer-bench.ts";

/** m1 reads m0, and m2 reads m1. */
const pipeline: Pipeline = {
  ...benchPipeline,
  components: [["m0"], ["m1", "m0"], ["m2", "m1"]].map(([name = "", ...upstream]) => ({
    ...(benchPipeline.components[0] as Component),
    name,
    upstream,
  })),
};
const backplane = createMemoryBackplane("demo", { clock: systemClock });
const leaving = new AbortController();
let view: PipelineView;
let following: Promise<void>;

/** m0@1 and m1@1 are in use; m1@2 is deleted, m1@3 quarantined, m1@4 not judged. */
beforeAll(async () => {
  const { registry, verdicts, quarantines, retention } = backplane;
  await registry.publish(draft({ component: "m0" }), model(1), null);
  await verdicts.append(verdict("m0", 1));
  for (const serial of [1, 2, 3, 4]) await registry.publish(draft({ component: "m1" }), model(serial), "any");
  for (const serial of [1, 2, 3]) await verdicts.append(verdict("m1", serial));
  await registry.publish(draft({ component: "m1" }), model(5), "any");
  await verdicts.append(verdict("m1", 5));
  await retention.delete(tombstone("m1", 2), (await retention.state()).position);
  await quarantines.append(quarantine("m1", 3));
  view = createPipelineView({ backplane, clock: systemClock, onError: () => {} });
  following = view.follow(leaving.signal);
});
afterAll(async () => {
  leaving.abort();
  await following;
  await backplane.close();
});

const check = (asked: Composition, component = "m2") =>
  checkAskedSnapshots(asked, component, pipeline, { backplane, view }, leaving.signal);

test("a run can be asked to train on judged snapshots of its ancestors; the others are those in use", async () => {
  await check({ m1: 1 });
  await check({ m0: 1, m1: 5 });
  const resolve = (asked: Composition) => resolveSnapshots({ backplane, view }, pipeline, "m2", leaving.signal, asked);
  expect(await resolve({})).toEqual({ upstream: { m0: 1, m1: 5 }, parent: null });
  expect(await resolve({ m1: 1 })).toEqual({ upstream: { m0: 1, m1: 1 }, parent: null });
});

test.each<readonly [string, Composition, string, string, string]>([
  ["an unknown component", { m9: 1 }, "m2", "not-found", 'pipeline "demo" has no component "m9"'],
  ["itself", { m2: 1 }, "m2", "invalid-argument", "m2 does not train on m2: its upstream is m0, m1"],
  ["what reads it", { m2: 1 }, "m1", "invalid-argument", "m1 does not train on m2: its upstream is m0"],
  ["anything, without an upstream", { m1: 1 }, "m0", "invalid-argument", "m0 does not train on m1: it has no upstream"],
  ["an unknown snapshot", { m1: 9 }, "m2", "not-found", "no snapshot m1@9: its newest is 5"],
  ["serial 0", { m1: 0 }, "m2", "not-found", "no snapshot m1@0: its newest is 5"],
  ["a quarantined snapshot", { m1: 3 }, "m2", "failed-precondition", "m1@3 is quarantined, so that nothing"],
  ["an unjudged snapshot", { m0: 1, m1: 4 }, "m2", "failed-precondition", "m1@4 has no verdict yet, so that nothing"],
  ["a deleted snapshot", { m1: 2 }, "m2", "deleted", "m1@2 was deleted on"],
])("a run cannot be asked to train on %s", async (_, asked, component, code, message) => {
  const error = await check(asked, component).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(error instanceof DeletedError).toBe(code === "deleted");
});

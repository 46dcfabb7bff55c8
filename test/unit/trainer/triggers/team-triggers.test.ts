import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createPipelineView } from "../../../../services/composition/pipeline-view.ts";
import type { RunQueue } from "../../../../services/trainer/runs/run-queue.ts";
import { createTeamTriggers, type TeamTriggers } from "../../../../services/trainer/triggers/team-triggers.ts";
import { draft, model, release, verdict } from "../../../helpers/drafts.ts";
import { silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";
import {
  benchPipeline,
  ended,
  fakeTraining,
  openTrainerBench,
  type TrainerBench,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
let queue: RunQueue;
let leaving: AbortController;
let running: Promise<unknown>;
beforeEach(async () => {
  bench = await openTrainerBench();
  leaving = new AbortController();
  queue = await bench.queue(fakeTraining().train);
  const view = createPipelineView({
    backplane: bench.backplane,
    clock: systemClock,
    onError: () => {},
    onAnnouncement: (announcement) => triggers.onAnnouncement(announcement),
    onVerdict: (entry) => triggers.onVerdict(entry),
    onAliasChange: (change) => triggers.onAliasChange(change),
    onLedgerEntry: (entry) => triggers.onLedgerEntry(entry),
  });
  const triggers: TeamTriggers = createTeamTriggers({
    pipeline: benchPipeline,
    team: team({ steps: 3, train: { when: "on-upstream" } }),
    backplane: bench.backplane,
    view,
    queue,
    store: bench.store,
    clock: systemClock,
    log: silentLog,
  });
  running = Promise.all([view.follow(leaving.signal), triggers.run(leaving.signal)]);
});
afterEach(async () => {
  leaving.abort();
  await running;
  await bench.close();
});

/** Waits until `count` runs were queued and have ended. @returns what they trained on, oldest first */
async function trainedOn(count: number) {
  while (queue.runs().length < count) await queue.changed.waitBeyond(queue.changed.count, leaving.signal);
  for (const { run } of queue.runs()) await ended(queue, run.id);
  return queue
    .runs()
    .map(({ run }) => run.upstream)
    .toReversed();
}

test("a team on upstream trains on what is judged, and again when the champion moves", async () => {
  const { registry, verdicts } = bench.backplane;
  await registry.publish(draft({ component: "m1" }), model(1), null);
  await verdicts.append(verdict("m1", 1));
  expect(await trainedOn(1)).toEqual([{ m1: 1 }]);
  await registry.publish(draft({ component: "m1" }), model(2), 1);
  await verdicts.append(verdict("m1", 2));
  expect(await trainedOn(2)).toEqual([{ m1: 1 }, { m1: 2 }]);
  await registry.setAlias("m1", "shadow", 1, null, "another alias");
  await registry.setAlias("m1", "champion", 1, null, "back");
  expect(await trainedOn(3)).toEqual([{ m1: 1 }, { m1: 2 }, { m1: 1 }]);
  await registry.rollback("m1", "champion", "nowhere").catch(() => {});
  await registry.setAlias("m1", "champion", null, 1, "gone");
  expect(await trainedOn(4)).toEqual([{ m1: 1 }, { m1: 2 }, { m1: 1 }, { m1: 2 }]);
});

test("a team on upstream trains on what is released of its upstream, and on no verdict, alias or other release", async () => {
  const { registry, verdicts, ledger } = bench.backplane;
  for (const serial of [1, 2]) {
    await registry.publish(draft({ component: "m1" }), model(serial), "any");
  }
  await ledger.append(release(1, { composition: { m1: 1 } }));
  expect(await trainedOn(1)).toEqual([{ m1: 1 }]);
  // Judged and the champion of the alias log, and not released.
  await verdicts.append(verdict("m1", 2));
  await registry.setAlias("m1", "champion", 2, null, "an earlier version");
  await ledger.append(release(2, { composition: { m1: 1, m2: 1 } }));
  await ledger.append(release(3, { composition: { m1: 2, m2: 1 } }));
  expect(await trainedOn(2)).toEqual([{ m1: 1 }, { m1: 2 }]);
});

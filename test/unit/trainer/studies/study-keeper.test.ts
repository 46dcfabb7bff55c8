import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { StoredStudy } from "../../../../services/trainer/studies/stored-study.ts";
import { newTrial } from "../../../../services/trainer/studies/study-entry.ts";
import { createStudyKeeper, type StudyKeeperDeps } from "../../../../services/trainer/studies/study-keeper.ts";
import type { StudyStore } from "../../../../services/trainer/studies/study-store.ts";
import { noStudyTracking } from "../../../../services/trainer/tracking/study-tracking.ts";
import { silentLog } from "../../../helpers/log.ts";

const never = new AbortController().signal;

/** How many states a watcher gets of a study that changes a hundred times in a second and then ends. */
async function statesOf(trials: number): Promise<number> {
  const clock = createVirtualClock();
  const study = { id: "s", component: "m1", state: "running", wanted: trials, teamFile: "" } as StoredStudy["study"];
  const ended = Array.from({ length: trials }, (_, place) => {
    const stored = newTrial(place + 1, {}, false);
    return { ...stored, trial: { ...stored.trial, state: "complete" as const } };
  });
  const store = {
    load: async () => [{ stored: { version: 1 as const, sequence: 1, study, pins: null, basis: null }, trials: ended }],
    saveStudy: async () => {},
    saveTrial: async () => {},
  } satisfies Partial<StudyStore> as unknown as StudyStore;
  const keeper = createStudyKeeper(
    { component: "m1", retained: 10 },
    {
      store,
      async drive(entry) {
        for (let turn = 0; turn < 100; turn++) {
          await clock.sleep(10);
          await entry.recordTrial(1, { seconds: turn });
        }
      },
      plan: () => ({}) as ReturnType<StudyKeeperDeps["plan"]>,
      check() {},
      tracking: noStudyTracking,
      clock,
      log: silentLog,
    },
  );
  await keeper.start();
  let states = 0;
  let last = "";
  const watching = (async () => {
    for await (const { state } of keeper.watch("s", never)) {
      states++;
      last = state;
    }
  })();
  await clock.advance(1_000);
  await watching;
  expect(last).toBe("complete");
  return states;
}

test("a watcher gets the states of a study with many trials less often, and its end at once", async () => {
  expect(await statesOf(2)).toBeGreaterThan(50);
  expect(await statesOf(1_000)).toBeLessThan(6);
});

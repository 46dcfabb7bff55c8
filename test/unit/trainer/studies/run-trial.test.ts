import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { DEFAULT_TEAM } from "../../../../services/pipeline/team.ts";
import { createRunSlots } from "../../../../services/trainer/runs/run-slots.ts";
import { createRunTrial, type RunTrialDeps } from "../../../../services/trainer/studies/run-trial.ts";
import type { StoredStudy } from "../../../../services/trainer/studies/stored-study.ts";
import { createStudyEntry } from "../../../../services/trainer/studies/study-entry.ts";
import type { StudyMaterial } from "../../../../services/trainer/studies/study-material.ts";
import type { StudyStore } from "../../../../services/trainer/studies/study-store.ts";
import type { TrialDecisions } from "../../../../services/trainer/studies/trial-decision.ts";
import { silentLog } from "../../../helpers/log.ts";

const never = new AbortController().signal;

test("trials get slots in their order, whichever of their records the disk writes first", async () => {
  const store = {
    saveStudy: async () => {},
    async saveTrial(_, { trial }) {
      // The later a trial, the faster.
      for (let turns = 10 - trial.trial; turns > 0; turns--) await Promise.resolve();
    },
    loadCheckpoint: async () => undefined,
    removeCheckpoints: async () => {},
  } satisfies Partial<StudyStore> as unknown as StudyStore;
  const clock = createVirtualClock();
  const study = { id: "s", component: "m1", teamFile: "" } as StoredStudy["study"];
  const stored: StoredStudy = { version: 1, sequence: 1, study, pins: null, basis: null };
  const entry = createStudyEntry({ stored, trials: [] }, store, clock, () => {});
  const trained: number[] = [];
  const run = createRunTrial({
    pipeline: {} as RunTrialDeps["pipeline"],
    configure: (_, { seed }) => ({
      ...DEFAULT_TEAM,
      component: "m1",
      model: { kind: "dense", hidden: [] },
      seed: Number(seed),
    }),
    training: {
      async train({ team }) {
        trained.push(team.seed);
        throw new UncoupleError("failed-precondition", "enough");
      },
    },
    engine: async () => ({}) as Awaited<ReturnType<RunTrialDeps["engine"]>>,
    slots: createRunSlots(1),
    store,
    checkpointSeconds: 5,
    clock,
    log: silentLog,
    onEnd() {},
  });
  const material = {
    data: { training: {} },
    models: { previous: async () => undefined, upstream: async () => ({}) },
  } as unknown as StudyMaterial;
  const decisions = { stepsOf: () => [] } as unknown as TrialDecisions;

  const order = [1, 2, 3, 4];
  for (const seed of order) await entry.addTrial({ seed }, false);
  const signals = { interrupted: never, ended: never };
  await Promise.all(order.map((number) => run(entry, number, material, decisions, signals)));
  expect(trained).toEqual(order);
});

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { isSpilled, type StoredTable } from "../../../../services/data/spill/stored-table.ts";
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

/** Runs trials whose training fails. @param onTrain called with what each trains on */
async function runTrials(
  order: readonly number[],
  table: StoredTable,
  onTrain: (seed: number, table: StoredTable) => Promise<void>,
): Promise<void> {
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
  const run = createRunTrial({
    pipeline: {} as RunTrialDeps["pipeline"],
    configure: (_, { seed }) => ({
      ...DEFAULT_TEAM,
      component: "m1",
      model: { kind: "dense", hidden: [] },
      seed: Number(seed),
    }),
    training: {
      async train({ team, table: given }) {
        await onTrain(team.seed, given);
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
    data: { training: { table } },
    models: { previous: async () => undefined, upstream: async () => ({}) },
  } as unknown as StudyMaterial;
  const decisions = { stepsOf: () => [] } as unknown as TrialDecisions;

  for (const seed of order) await entry.addTrial({ seed }, false);
  const signals = { interrupted: never, ended: never };
  await Promise.all(order.map((number) => run(entry, number, material, decisions, signals)));
}

test("trials get slots in their order, whichever of their records the disk writes first", async () => {
  const order = [1, 2, 3, 4];
  const trained: number[] = [];
  await runTrials(order, { rows: 0, columns: {} }, async (seed) => void trained.push(seed));
  expect(trained).toEqual(order);
});

test("what a trial derives from spilled rows is removed when it ends", async () => {
  const folder = await mkdtemp(join(tmpdir(), "uncouple-trials-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const found: number[] = [];
  await runTrials([1, 2, 3], { rows: 0, columns: {}, folder }, async (_, table) => {
    if (!isSpilled(table)) throw new Error("the rows are not spilled");
    await writeFile(join(table.folder, "encoded"), "");
    found.push((await readdir(folder)).length);
  });
  // One trial at a time.
  expect(found).toEqual([1, 1, 1]);
  expect(await readdir(folder)).toEqual([]);
});

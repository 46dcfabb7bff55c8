import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clearState, readStateFiles, writeStateFile } from "../../../../services/trainer/runs/state-files.ts";
import type { StoredStudy } from "../../../../services/trainer/studies/stored-study.ts";
import { newTrial } from "../../../../services/trainer/studies/study-entry.ts";
import { createStudyStore } from "../../../../services/trainer/studies/study-store.ts";
import { recordingLog, silentLog } from "../../../helpers/log.ts";
import { take } from "../../../helpers/take.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-studies-"));
});
afterEach(() => rm(folder, { recursive: true }));

function study(id: string, sequence: number): StoredStudy {
  return {
    version: 1,
    sequence,
    study: {
      id,
      component: "m1",
      state: "running",
      wanted: 3,
      parallel: 1,
      upstream: {},
      rows: null,
      waitingFor: null,
      error: null,
      teamFile: "component: m1\n",
      startedAt: "2026-01-31T09:30:00.000Z",
      finishedAt: null,
    },
    pins: { upstream: { m0: 2 }, parent: null },
    basis: null,
  };
}

const checkpoint = (step: number) => ({
  step,
  state: { "variable/w": { shape: [2], values: Float32Array.of(step, 0.5) } },
  recentLosses: [1, 0.5],
});

test("studies and trials are what they were after a restart, in order, with the newest undamaged checkpoint", async () => {
  const store = createStudyStore(folder, silentLog);
  await store.load();
  await store.saveStudy(study("b", 2));
  await store.saveStudy(study("a", 1));
  for (const number of [2, 1, 10]) await store.saveTrial("a", newTrial(number, { batch: number }, false));
  await store.saveCheckpoint("a", 2, checkpoint(5));
  await store.saveCheckpoint("a", 2, checkpoint(7));

  const again = createStudyStore(folder, silentLog);
  const [a, b] = await again.load();
  expect(a?.stored).toEqual(study("a", 1));
  expect(a?.trials.map(({ trial }) => trial.trial)).toEqual([1, 2, 10]);
  expect(b).toEqual({ stored: study("b", 2), trials: [] });
  expect(await again.loadCheckpoint("a", 2)).toEqual(checkpoint(7));
  expect(await again.loadCheckpoint("a", 1)).toBeUndefined();
  await writeFile(join(folder, "studies/a/trials/2.bin"), "damaged");
  expect(await again.loadCheckpoint("a", 2)).toEqual(checkpoint(5));
  await again.removeCheckpoints("a", 2);
  expect((await readdir(join(folder, "studies/a/trials"))).sort()).toEqual(["1.json", "10.json", "2.json"]);
  await again.remove("a");
  expect((await again.load()).map(({ stored }) => stored.study.id)).toEqual(["b"]);
});

test("what a crash left unfinished is no study, and unreadable records are skipped and logged", async () => {
  const { log, records } = recordingLog();
  const store = createStudyStore(folder, log);
  await store.load();
  await store.saveStudy(study("a", 1));
  await store.saveTrial("a", newTrial(1, {}, false));
  await store.saveTrial("a", newTrial(2, {}, false));
  await writeFile(join(folder, "studies/a/trials/2.json"), '{ "version": 7 }');
  await store.saveStudy(study("b", 2));
  await writeFile(join(folder, "studies/b/study.json"), "{");
  const loaded = await store.load();
  expect(loaded.map(({ stored, trials }) => [stored.study.id, trials.length])).toEqual([["a", 1]]);
  const skipped = records.filter(({ message }) => String(message).includes("is not a record of this version"));
  expect(skipped).toHaveLength(2);
});

test("a backup of the state has its studies, whose records come last", async () => {
  const store = createStudyStore(folder, silentLog);
  await store.load();
  await store.saveStudy(study("a", 1));
  await store.saveTrial("a", newTrial(1, {}, false));
  await store.saveCheckpoint("a", 1, checkpoint(3));
  const files = await take(readStateFiles(folder), 9);
  expect(files.map(({ path }) => path)).toEqual([
    "studies/a/trials/1.bin",
    "studies/a/trials/1.json",
    "studies/a/study.json",
  ]);
  await clearState(folder);
  expect(await readdir(folder)).toEqual([]);
  for (const file of files) await writeStateFile(folder, file);
  expect(await createStudyStore(folder, silentLog).loadCheckpoint("a", 1)).toEqual(checkpoint(3));
  await expect(writeStateFile(folder, { path: "studies/a/../x", bytes: new Uint8Array() })).rejects.toMatchObject({
    code: "data-loss",
  });
});

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRunStore } from "../../../../services/trainer/runs/run-store.ts";
import { newStoredRun } from "../../../../services/trainer/runs/stored-run.ts";
import { recordingLog, silentLog } from "../../../helpers/log.ts";
import { team } from "../../../helpers/teams.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-store-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const stored = (id: string, sequence: number) =>
  newStoredRun(id, sequence, { trigger: "request", team: team() }, "2026-01-01T00:00:00.000Z");
const checkpoint = (step: number) => ({
  step,
  state: { w: { shape: [2], values: Float32Array.of(step, 0.5) } },
  recentLosses: [step / 10],
});

describe("the run store", () => {
  test("loads the runs saved before a restart, in order of arrival", async () => {
    const before = createRunStore(folder, silentLog);
    await before.save(stored("b", 1));
    await before.save(stored("a", 2));
    expect(await createRunStore(folder, silentLog).load()).toEqual([stored("b", 1), stored("a", 2)]);
  });

  test("keeps the last of many concurrent saves", async () => {
    const store = createRunStore(folder, silentLog);
    const first = stored("a", 1);
    const saves = Array.from({ length: 20 }, (_, step) => store.save({ ...first, run: { ...first.run, step } }));
    await Promise.all(saves);
    expect((await store.load())[0]?.run.step).toBe(19);
    expect(await readdir(join(folder, "runs", "a"))).toEqual(["run.json"]);
  });

  test("skips an unreadable record and logs which one", async () => {
    const { log, records } = recordingLog();
    const store = createRunStore(folder, log);
    await store.save(stored("good", 1));
    await mkdir(join(folder, "runs", "bad"));
    await writeFile(join(folder, "runs", "bad", "run.json"), '{"version": 1');
    await mkdir(join(folder, "runs", "never-acknowledged"));
    expect((await store.load()).map(({ run }) => run.id)).toEqual(["good"]);
    expect(records).toMatchObject([{ level: "error", run: "bad" }]);
  });

  test("removes only files that a crash left unfinished", async () => {
    const store = createRunStore(folder, silentLog);
    await store.save(stored("a", 1));
    await store.saveCheckpoint("a", checkpoint(1));
    await store.saveAnnouncementSeen({ store: "first", position: 3 });
    await writeFile(join(folder, "announcements.json.new-4"), "{");
    await writeFile(join(folder, "runs", "a", "checkpoint.bin.new-0a1b2c3d4e5f"), "UNC");
    await mkdir(join(folder, "runs", "never-acknowledged"));
    await createRunStore(folder, silentLog).load();
    expect((await readdir(folder)).toSorted()).toEqual(["announcements.json", "runs"]);
    expect(await readdir(join(folder, "runs"))).toEqual(["a"]);
    expect((await readdir(join(folder, "runs", "a"))).toSorted()).toEqual(["checkpoint.bin", "run.json"]);
  });

  test("keeps up to where announcements and requests were handled, each by itself, and handles all again if it cannot tell", async () => {
    const { log, records } = recordingLog();
    const store = createRunStore(folder, log);
    expect([await store.announcementSeen(), await store.candidateSeen()]).toEqual([undefined, undefined]);
    await store.saveAnnouncementSeen({ store: "first", position: 3, release: 2 });
    await store.saveCandidateSeen({ store: "first", position: 7 });
    const after = createRunStore(folder, log);
    expect(await after.announcementSeen()).toEqual({ store: "first", position: 3, release: 2 });
    expect(await after.candidateSeen()).toEqual({ store: "first", position: 7 });
    expect(records).toEqual([]);
    await writeFile(join(folder, "candidates.json"), '{"store": 7}');
    expect(await after.candidateSeen()).toBeUndefined();
    expect(records).toMatchObject([
      { level: "warn", message: expect.stringContaining("candidates.json; handling all") },
    ]);
  });

  test("keeps what a run was asked to train on, and for which request", async () => {
    const candidate = { id: "m1@2:m2:1", position: 7, tries: 2 };
    const asked = { m1: 2 };
    const run = newStoredRun(
      "a",
      1,
      { trigger: "candidate", team: team(), asked, candidate },
      "2026-01-01T00:00:00.000Z",
    );
    await createRunStore(folder, silentLog).save(run);
    expect(await createRunStore(folder, silentLog).load()).toEqual([run]);
    expect(run).toMatchObject({ asked, candidate });
  });

  test("deletes a run with its checkpoints", async () => {
    const store = createRunStore(folder, silentLog);
    await store.save(stored("a", 1));
    await store.saveCheckpoint("a", checkpoint(1));
    await store.remove("a");
    expect(await store.load()).toEqual([]);
    expect(await readdir(join(folder, "runs"))).toEqual([]);
  });

  test("keeps what was said about a run for its report, without which the run is as it was", async () => {
    const store = createRunStore(folder, silentLog);
    await store.save(stored("a", 1));
    expect(await store.loadReport("a")).toBeUndefined();
    const report = {
      version: 1,
      curve: { every: 1, window: 1, points: [{ step: 1, loss: 0.1 + 0.2, learningRate: 0.01 }] },
      fit: { rows: 1, loss: 0.5, outputs: [], slices: [], worst: [] },
    } as const;
    await store.saveReport("a", report);
    expect(await createRunStore(folder, silentLog).loadReport("a")).toEqual(report);
    await writeFile(join(folder, "runs", "a", "report.json"), '{"version": 2}');
    expect(await store.loadReport("a")).toBeUndefined();
    expect(await store.load()).toEqual([stored("a", 1)]);
  });

  test("loads the newest checkpoint", async () => {
    const store = createRunStore(folder, silentLog);
    await store.save(stored("a", 1));
    expect(await store.loadCheckpoint("a")).toBeUndefined();
    for (const step of [1, 2, 3]) await store.saveCheckpoint("a", checkpoint(step));
    expect(await store.loadCheckpoint("a")).toEqual(checkpoint(3));
  });

  test("falls back to the previous checkpoint if the newest is damaged, and logs it", async () => {
    const { log, records } = recordingLog();
    const store = createRunStore(folder, log);
    await store.save(stored("a", 1));
    await store.saveCheckpoint("a", checkpoint(1));
    await store.saveCheckpoint("a", checkpoint(2));
    const path = join(folder, "runs", "a", "checkpoint.bin");
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 9));
    expect(await store.loadCheckpoint("a")).toEqual(checkpoint(1));
    expect(records).toMatchObject([{ level: "warn", message: expect.stringContaining("checkpoint.bin") }]);
    await store.saveCheckpoint("a", checkpoint(3));
    expect(await store.loadCheckpoint("a")).toEqual(checkpoint(3));
  });

  test("has no checkpoint after removeCheckpoints", async () => {
    const store = createRunStore(folder, silentLog);
    await store.save(stored("a", 1));
    await store.saveCheckpoint("a", checkpoint(1));
    await store.removeCheckpoints("a");
    expect(await store.loadCheckpoint("a")).toBeUndefined();
  });

  test("stores the last handled announcement", async () => {
    const store = createRunStore(folder, silentLog);
    expect(await store.announcementSeen()).toBeUndefined();
    const mark = { store: "first", position: 17 };
    await store.saveAnnouncementSeen(mark);
    expect(await createRunStore(folder, silentLog).announcementSeen()).toEqual(mark);
  });

  test("names the folder that it cannot write to", async () => {
    await writeFile(join(folder, "runs"), "in the way");
    const store = createRunStore(folder, silentLog);
    const folderError = { code: "invalid-argument", message: expect.stringContaining(join(folder, "runs")) };
    await expect(store.save(stored("a", 1))).rejects.toMatchObject(folderError);
    await expect(store.load()).rejects.toMatchObject(folderError);
  });
});

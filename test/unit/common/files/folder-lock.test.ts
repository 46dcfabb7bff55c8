import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import {
  type FolderLock,
  isAlive,
  lockFolder,
  type ProcessTable,
} from "../../../../services/common/files/folder-lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const times = { heartbeatSeconds: 0.05, silenceSeconds: 0.4 };

/** Process ids above what Linux gives out, so that /proc knows none of them. */
function processes(pid: number, alive: readonly number[], host = "here"): ProcessTable {
  return { pid, host, isAlive: (other) => alive.includes(other) };
}

const lock = (path: string, table: ProcessTable): Promise<FolderLock> =>
  lockFolder(path, { processes: table, clock: systemClock }, times);

describe("the lock of a state folder", () => {
  test("keeps a second trainer out, and names the first", async () => {
    const held = await lock(folder, processes(90_000_001, []));
    await expect(lock(folder, processes(90_000_002, [90_000_001]))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("process id 90000001"),
    });
    await held.release();
  });

  test("keeps this very process out a second time", async () => {
    const own = { pid: process.pid, host: "here", isAlive: () => true };
    const held = await lock(folder, own);
    await expect(lock(folder, own)).rejects.toMatchObject({ code: "conflict" });
    await held.release();
    await (await lock(folder, own)).release();
  });

  test("of a dead process is taken over", async () => {
    await lock(folder, processes(90_000_001, []));
    const held = await lock(folder, processes(90_000_002, []));
    await expect(lock(folder, processes(90_000_003, [90_000_002]))).rejects.toMatchObject({
      message: expect.stringContaining("90000002"),
    });
    await held.release();
    expect(await readdir(folder)).toEqual(["lock.2"]);
  });

  test("of a process whose id another one has now is taken over", async () => {
    const text = JSON.stringify({ pid: process.pid, host: "here", began: "1", released: false });
    await writeFile(join(folder, "lock.1"), text);
    const held = await lock(folder, { pid: process.pid, host: "here", isAlive: () => true });
    await held.release();
  });

  test("that is no lock, but half a file, is taken over", async () => {
    await writeFile(join(folder, "lock.1"), "{");
    await (await lock(folder, processes(90_000_002, []))).release();
  });

  test("of a process on another host is respected while it beats", async () => {
    const held = await lock(folder, processes(90_000_001, [], "there"));
    await expect(lock(folder, processes(90_000_002, []))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("on there"),
    });
    await held.release();
  });

  test("of a process on another host is taken over when it no longer beats", async () => {
    const text = JSON.stringify({ pid: 1, host: "there", began: null, released: false });
    await writeFile(join(folder, "lock.1"), text);
    await (await lock(folder, processes(90_000_002, []))).release();
  });

  test.each([1, 2, 3, 4, 5])("goes to one of many that come at once (%i)", async () => {
    await writeFile(join(folder, "lock.1"), JSON.stringify({ pid: 3, host: "here", began: null, released: false }));
    const pids = Array.from({ length: 8 }, (_, i) => 90_000_001 + i);
    const outcomes = await Promise.allSettled(pids.map((pid) => lock(folder, processes(pid, pids))));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") await outcome.value.release();
      else expect(outcome.reason).toMatchObject({ code: "conflict" });
    }
    expect(await readdir(folder)).toHaveLength(1);
  });

  test("says so when the folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(lock(join(folder, "file", "state"), processes(1, []))).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringContaining("file/state"),
    });
  });
});

test("a living process is known from one that is gone", () => {
  expect(isAlive(process, process.pid)).toBe(true);
  expect(isAlive(process, 2 ** 22 + 1)).toBe(false);
});

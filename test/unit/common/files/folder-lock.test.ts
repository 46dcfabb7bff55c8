import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import {
  type FolderLock,
  isAlive,
  lockFolder,
  type ProcessTable,
  processTableOf,
} from "../../../../services/common/files/folder-lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const times = { heartbeatSeconds: 0.05, silenceSeconds: 0.4 };

/** Uses process ids above the Linux maximum, so that none of them is in /proc. */
function processes(pid: number, alive: readonly number[], host = "here", table: string | null = host): ProcessTable {
  return { pid, host, table, isAlive: (other) => alive.includes(other) };
}

const lock = (path: string, table: ProcessTable): Promise<FolderLock> =>
  lockFolder(path, { processes: table, clock: systemClock }, times);

describe("the lock of a state folder", () => {
  test("refuses a second process and names the first", async () => {
    const held = await lock(folder, processes(90_000_001, []));
    await expect(lock(folder, processes(90_000_002, [90_000_001]))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("process 90000001 on here"),
    });
    await held.release();
  });

  test("refuses a second lock by the same process", async () => {
    const own = { pid: process.pid, host: "here", table: "here", isAlive: () => true };
    const held = await lock(folder, own);
    await expect(lock(folder, own)).rejects.toMatchObject({ code: "conflict" });
    await held.release();
    await (await lock(folder, own)).release();
  });

  test("is taken over from a dead process", async () => {
    await lock(folder, processes(90_000_001, []));
    const held = await lock(folder, processes(90_000_002, []));
    await expect(lock(folder, processes(90_000_003, [90_000_002]))).rejects.toMatchObject({
      message: expect.stringContaining("90000002"),
    });
    await held.release();
    expect(await readdir(folder)).toEqual(["lock.2"]);
  });

  test("is taken over if the holder's process id was reused", async () => {
    const text = JSON.stringify({ pid: process.pid, host: "here", table: "here", began: "1", released: false });
    await writeFile(join(folder, "lock.1"), text);
    const held = await lock(folder, { pid: process.pid, host: "here", table: "here", isAlive: () => true });
    await held.release();
  });

  test("is taken over if its file is truncated", async () => {
    await writeFile(join(folder, "lock.1"), "{");
    await (await lock(folder, processes(90_000_002, []))).release();
  });

  test("is respected while a holder on another host sends heartbeats", async () => {
    const held = await lock(folder, processes(90_000_001, [], "there"));
    await expect(lock(folder, processes(90_000_002, []))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("on there"),
    });
    await held.release();
  });

  test("is taken over when a holder on another host stops its heartbeats", async () => {
    const text = JSON.stringify({ pid: 1, host: "there", began: null, released: false });
    await writeFile(join(folder, "lock.1"), text);
    await (await lock(folder, processes(90_000_002, []))).release();
  });

  test.each(["a", null])("is respected if only the host's name is equal, as in two containers (%s)", async (table) => {
    const held = await lock(folder, processes(90_000_001, [], "here", table));
    // By its own process table, the holder's process id would be dead.
    await expect(lock(folder, processes(90_000_002, [], "here", table === null ? null : "b"))).rejects.toMatchObject({
      code: "conflict",
    });
    await held.release();
  });

  test("is taken over from a lock file of version 0.1.0, which says nothing of the process table", async () => {
    await writeFile(join(folder, "lock.1"), JSON.stringify({ pid: 1, host: "here", began: null, released: false }));
    await (await lock(folder, processes(90_000_002, [1]))).release();
  });

  test("is reported as lost to a holder that was suspended while another process took over", async () => {
    const clock = createVirtualClock();
    const held = await lockFolder(folder, { processes: processes(90_000_001, []), clock }, times);
    // The clock stands still: no heartbeat.
    const successor = await lock(folder, processes(90_000_002, [], "there"));
    expect(held.lost.aborted).toBe(false);
    await clock.advance(times.heartbeatSeconds * 1000);
    await vi.waitUntil(() => held.lost.aborted);
    expect(held.lost.reason).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("process 90000002 on there"),
    });
    // Releasing what is lost must not disturb the new holder.
    await held.release();
    await expect(lock(folder, processes(90_000_003, [90_000_002], "there"))).rejects.toMatchObject({
      code: "conflict",
    });
    await successor.release();
    expect(await readdir(folder)).toEqual(["lock.2"]);
  });

  test("is reported as lost if its file was removed", async () => {
    const held = await lock(folder, processes(90_000_001, []));
    await rm(join(folder, "lock.1"));
    await vi.waitUntil(() => held.lost.aborted);
    await held.release();
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5])("goes to exactly one of several concurrent processes (%i)", async () => {
    await writeFile(
      join(folder, "lock.1"),
      JSON.stringify({ pid: 3, host: "here", table: "here", began: null, released: false }),
    );
    const pids = Array.from({ length: 8 }, (_, i) => 90_000_001 + i);
    const outcomes = await Promise.allSettled(pids.map((pid) => lock(folder, processes(pid, pids))));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") await outcome.value.release();
      else expect(outcome.reason).toMatchObject({ code: "conflict" });
    }
    expect(await readdir(folder)).toHaveLength(1);
  });

  test("fails with the path if the folder cannot be created", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(lock(join(folder, "file", "state"), processes(1, []))).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringContaining("file/state"),
    });
  });
});

test("the table of this process is the one of a process that it starts", async () => {
  const module = new URL("../../../../services/common/files/folder-lock.ts", import.meta.url).pathname;
  const code = `import { processTableOf } from ${JSON.stringify(module)}; console.log(processTableOf(process, "h").table);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    code,
  ]);
  expect(stdout.trim()).toBe(String(processTableOf(process, "h").table));
});

test("isAlive tells live processes from dead ones", () => {
  expect(isAlive(process, process.pid)).toBe(true);
  expect(isAlive(process, 2 ** 22 + 1)).toBe(false);
});

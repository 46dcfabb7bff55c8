import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { listProcesses, memoryOf } from "../../../../services/cli/live/process-memory.ts";

test("a service's memory is its own, and that of all that it has started is apart", () => {
  const processes = [
    { pid: 1, parent: 0, resident: 100 },
    { pid: 2, parent: 1, resident: 50 },
    { pid: 3, parent: 2, resident: 20 },
    { pid: 4, parent: 3, resident: 10 },
    { pid: 5, parent: 1, resident: 1 },
    { pid: 9, parent: 0, resident: 999 },
  ];
  const named = new Map([
    ["uncouple simulate", 1],
    ["trainer m1", 2],
    ["gone", 77],
  ]);
  expect([...memoryOf(named, processes)]).toEqual([
    ["uncouple simulate", 100],
    ["trainer m1", 50],
    ["trainer m1's hosts", 30],
  ]);
});

test("finds a process that runs with its parent and memory", async () => {
  const child = spawn(process.execPath, ["-e", "console.log('up'); setInterval(() => {}, 1000)"]);
  try {
    await once(child.stdout, "data");
    const found = (await listProcesses(process.platform)).find(({ pid }) => pid === child.pid);
    expect(found?.parent).toBe(process.pid);
    expect(found?.resident).toBeGreaterThan(10);
  } finally {
    child.kill("SIGKILL");
  }
});

import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);

describe("under `npm run test:node`", () => {
  const wanted = process.env.UNCOUPLE_TEST_NODE;

  it.runIf(wanted !== undefined)("tests, and the processes and threads that they start, run on that Node", async () => {
    const print = ["--print", "process.versions.node"];
    const worker = new Worker('require("node:worker_threads").parentPort.postMessage(process.versions.node)', {
      eval: true,
    });
    const [thread] = await once(worker, "message");
    const children = await Promise.all([
      run(process.execPath, print),
      run("node", print),
      run("/bin/sh", ["-c", "/usr/bin/env node --print process.versions.node"]),
    ]);
    const found = [process.versions.node, thread, ...children.map(({ stdout }) => stdout.trim())];
    expect(found).toEqual(found.map(() => wanted));
  });
});

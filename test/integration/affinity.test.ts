import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const pinnable = spawnSync("taskset", ["-c", "0", "true"]).status === 0;

test.skipIf(!pinnable)("a process pinned to one processor starts one thread of each kind", async () => {
  const program = new URL("../helpers/print-threads.ts", import.meta.url).pathname;
  const command = ["-c", "0", process.execPath, "--import", "tsx", program];
  const { stdout } = await promisify(execFile)("taskset", command);
  const { cpus, duckdb, ...engines } = JSON.parse(stdout) as Record<string, number>;
  expect({ cpus, duckdb }).toEqual({ cpus: 1, duckdb: 1 });
  expect(engines.wasm).toBe(engines.wasmOne);
  expect(engines.onnx).toBe(engines.onnxOne);
});

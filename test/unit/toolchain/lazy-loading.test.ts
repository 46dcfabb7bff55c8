import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { createProgram } from "../../../services/cli/command-line.ts";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";

const { cache } = createRequire(import.meta.url);

/** What costs a process at rest tens of MiB and a tenth of a second. */
const loaded = () => Object.keys(cache).filter((path) => /@tensorflow|onnxruntime|duckdb/.test(path));

test("services at rest have loaded neither tfjs nor ONNX Runtime nor DuckDB", async () => {
  await import("../../../services/trainer/run-trainer.ts");
  await import("../../../services/evaluator/run-evaluator.ts");
  expect(loaded()).toEqual([]);
  // The test sees what is loaded.
  await import("../../../services/engine/tfjs/optimizer-state.ts");
  expect(loaded()).not.toEqual([]);
});

test("a command line loads only the command that it names; help and mistakes load all", async () => {
  const program = async (...args: string[]) => (await createProgram(args, context)).commands.map((one) => one.name());
  const all = await program();
  expect(all.length).toBeGreaterThan(45);
  for (const name of all) expect(await program("--verbose", name, "m1")).toEqual([name]);
  for (const unnamed of ["help", "trian", "constructor", "--help"]) expect(await program(unnamed)).toEqual(all);
  expect(await program("--version")).toEqual([]);
  // Nothing that every command needs imports one.
  for (const file of ["process.ts", "command-line.ts", "commands.ts"]) {
    const text = await readFile(new URL(`../../../services/cli/${file}`, import.meta.url), "utf8");
    expect(text).not.toMatch(/^import .*\.\/commands\//m);
  }
});

const context = {
  stdout: { write: () => true },
  stderr: { write: () => true },
  env: {},
  cwd: ".",
  clock: createVirtualClock(),
  interrupted: new AbortController().signal,
  takeSignals: () => process,
};

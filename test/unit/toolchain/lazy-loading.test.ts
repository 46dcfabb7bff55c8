import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createProgram } from "../../../services/cli/command-line.ts";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { succeed } from "../../helpers/run-program.ts";

test("services at rest have loaded neither tfjs nor ONNX Runtime nor DuckDB", async () => {
  const modules = ["trainer/run-trainer.ts", "evaluator/run-evaluator.ts", "engine/tfjs/optimizer-state.ts"];
  const program = ["--import", "tsx", "test/helpers/print-packages.ts", ...modules.map((one) => `services/${one}`)];
  // The last one shows that the test sees what is loaded.
  expect(JSON.parse(await succeed(process.execPath, program))).toEqual([[], [], ["@tensorflow/tfjs"]]);
});

test("tfjs is required in one place: an import takes a fifth of a second longer", async () => {
  const services = new URL("../../../services/", import.meta.url);
  const files = (await readdir(services, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const importing: string[] = [];
  for (const file of files) {
    if (/^import (?!type )[^;]*"@tensorflow\//m.test(await readFile(new URL(file, services), "utf8")))
      importing.push(file);
  }
  expect(importing).toEqual([]);
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

import { readdirSync } from "node:fs";
import { availableCpus } from "../../services/common/available-cpus.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { openDatabase } from "../../services/data/file/database.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";

/**
 * A process of its own that prints as one line of JSON how many processors it counts, how many threads DuckDB takes, and
 * how many the engines start by default and when told to use one.
 */
const threads = () => readdirSync("/proc/self/task").length;

/** Threads that three sessions of a program with large products start. */
async function started(engine: Engine): Promise<number> {
  const program = benchmarkProgram([8, 256, 256, 1], 64);
  const before = threads();
  for (let opened = 0; opened < 3; opened++) {
    const session = await engine.prepare(program, benchmarkData(program, 64), 64);
    await session.run(benchmarkChunk(program, 64, 1));
  }
  return threads() - before;
}

const engines = {
  wasm: (one: object) => createWasmEngine({ clock: systemClock, ...one }),
  onnx: (one: object) => createOnnxEngine("cpu", { clock: systemClock, ...one }),
};
const counts: Record<string, number> = {};
for (const [name, create] of Object.entries(engines)) {
  // The first sessions of a process also start threads of Node.
  await started(create({ threads: 1 }));
  counts[`${name}One`] = await started(create({ threads: 1 }));
  counts[name] = await started(create({}));
}
const database = await openDatabase({ paths: [import.meta.filename] });
const [row] = await database.rows("SELECT current_setting('threads')");
console.log(JSON.stringify({ cpus: availableCpus(), duckdb: Number(row?.[0]), ...counts }));
process.exit(0);

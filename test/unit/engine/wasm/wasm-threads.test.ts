import { expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../../../services/engine/benchmark-program.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { WasmThreads } from "../../../../services/engine/wasm/wasm-threads.ts";

const ROWS = 64;

async function losses(engine: Engine, batch: number): Promise<Float32Array[]> {
  const program = benchmarkProgram([4, 8, 1], batch);
  const session = await engine.prepare(program, benchmarkData(program, ROWS), ROWS);
  const chunks = [];
  for (let chunk = 0; chunk < 3; chunk++) chunks.push(await session.run(benchmarkChunk(program, ROWS, 40)));
  await session.dispose();
  return chunks;
}

test("sessions spread over the threads, and a finished one makes room for the next", () => {
  const threads = new WasmThreads(2);
  const taken = [threads.take(), threads.take(), threads.take(), threads.take()];
  expect(new Set(taken).size).toBe(2);
  const [first, second] = taken;
  expect(taken.filter((thread) => thread === first)).toHaveLength(2);
  if (second !== undefined) threads.giveBack(second);
  expect(threads.take()).toBe(second);
});

test("more programs than threads train side by side, each to the bits that it has alone", async () => {
  const batches = [3, 4, 5, 6, 7];
  const single = createWasmEngine({ clock: systemClock, threads: 1 });
  const alone = [];
  for (const batch of batches) alone.push(await losses(single, batch));
  const engine = createWasmEngine({ clock: systemClock, threads: 2 });
  expect(await Promise.all(batches.map((batch) => losses(engine, batch)))).toEqual(alone);
});

import { benchmarkChunk, benchmarkData, benchmarkProgram } from "./benchmark-program.ts";
import type { Engine } from "./interface/engine.ts";

const ROWS = 8;

/**
 * Performs the work that blocks the JavaScript thread longest the first time in a process (recording and compiling a step,
 * loading ONNX Runtime), so that a service can do it before it reports ready.
 * @throws UncoupleError as `Engine.prepare`
 */
export async function warmUp(engine: Engine): Promise<void> {
  const program = benchmarkProgram([4, 8, 1], ROWS);
  const session = await engine.prepare(program, benchmarkData(program, ROWS), ROWS);
  try {
    await session.run(benchmarkChunk(program, ROWS, 1));
  } finally {
    await session.dispose();
  }
}

import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError } from "../common/errors.ts";
import type { EngineChoice } from "../pipeline/team.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "./benchmark-program.ts";
import { createEngine } from "./create-engine.ts";
import type { Engine, EngineProbe } from "./interface/engine.ts";
import { probeProvider } from "./onnx/probe-provider.ts";
import { loadTensorflow } from "./tensorflow/load-tensorflow.ts";

const CHOICES: readonly EngineChoice[] = ["tensorflow", "onnx:cuda", "onnx:webgpu", "onnx:cpu", "wasm", "reference"];
/** How long each engine is measured. */
const MEASURED_MS = 1000;
const ROWS = 4096;

/** Probes which engines work on this machine, why others do not, and how fast they are. Takes about a second per engine. */
export async function probeEngines(clock: Clock): Promise<EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const choice of CHOICES) probes.push(await probeEngine(choice, clock));
  return probes;
}

async function probeEngine(choice: EngineChoice, clock: Clock): Promise<EngineProbe> {
  try {
    const engine = await createEngine(choice, { clock, log: () => {} });
    return {
      choice,
      available: true,
      detail: await describe(choice, clock),
      microsPerStep: await microsPerStep(engine),
    };
  } catch (thrown) {
    return { choice, available: false, detail: asUncoupleError(thrown).message };
  }
}

async function describe(choice: EngineChoice, clock: Clock): Promise<string> {
  switch (choice) {
    case "tensorflow": {
      const binding = loadTensorflow();
      return `${binding.package} with TensorFlow ${binding.version}, ${binding.gpu ? "on a GPU" : "on the processor"}`;
    }
    case "onnx:cuda":
      return (await probeProvider("cuda", clock)).detail;
    case "onnx:webgpu":
      return (await probeProvider("webgpu", clock)).detail;
    case "onnx:cpu":
      return "ONNX Runtime on the processor, compiled training steps";
    case "wasm":
      return "WebAssembly on the processor, compiled training steps";
    default:
      return "tfjs in plain JavaScript: slow, the measure of the others";
  }
}

/** Measures microseconds per step of the paper's M2 (8-64-1, batch 64, Adam). */
async function microsPerStep(engine: Engine): Promise<number> {
  const program = benchmarkProgram([8, 64, 1], 64);
  const session = await engine.prepare(program, benchmarkData(program, ROWS), ROWS);
  try {
    await session.run(benchmarkChunk(program, ROWS, 5));
    let steps = 5;
    let done = 0;
    const start = engine.clock.elapsed();
    let now = start;
    while (now - start < MEASURED_MS) {
      const before = now;
      await session.run(benchmarkChunk(program, ROWS, steps));
      done += steps;
      now = engine.clock.elapsed();
      if (now - before < 30) steps *= 2;
    }
    return ((now - start) * 1000) / done;
  } finally {
    await session.dispose();
  }
}

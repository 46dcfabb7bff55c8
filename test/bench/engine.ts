import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import { compileTraining } from "../../services/engine/compiler/training.ts";
import { createEagerEngine, createReferenceEngine } from "../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { probeProvider } from "../../services/engine/onnx/probe-provider.ts";
import { Torch } from "./torch.ts";

/**
 * Measures microseconds per training step of every engine, and ratios to PyTorch and tfjs wasm, on one machine in one
 * run. The engines alternate in rounds. The result of a round is its fastest stretch of about ten milliseconds, and
 * that of an engine its median round, which limits the influence of other work on the machine.
 *
 *     npm run bench:engine [-- --json] [-- --rounds 7]
 */
const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, rounds: { type: "string", default: "5" } },
});
const ROUNDS = Number(options.rounds);
const SECONDS = 0.5;
const STRETCH_MS = 12;

interface Size {
  readonly widths: readonly number[];
  readonly batch: number;
  readonly threads: number;
  /** Whether to include the slow engines, which take minutes on larger sizes. */
  readonly slow: boolean;
}

interface Row {
  readonly engine: string;
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  readonly microsPerStep: number;
}

type Measure = () => Promise<number>;

const SIZES: readonly Size[] = [
  { widths: [8, 64, 1], batch: 64, threads: 1, slow: true },
  { widths: [10, 64, 64, 3], batch: 256, threads: 1, slow: true },
  { widths: [10, 256, 256, 3], batch: 256, threads: 1, slow: true },
  { widths: [10, 256, 256, 3], batch: 4096, threads: 2, slow: false },
];

const say = (line: string) => {
  if (!options.json) console.log(line);
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** Opens a session and returns a function that times it for about `SECONDS`. */
async function timer(engine: Engine, size: Size, close: (() => Promise<void>)[]): Promise<Measure> {
  const program = benchmarkProgram(size.widths, size.batch);
  const rows = Math.max(4096, size.batch);
  const session = await engine.prepare(program, benchmarkData(program, rows), rows);
  close.push(() => session.dispose());
  let steps = 1;
  await session.run(benchmarkChunk(program, rows, steps));
  return async () => {
    let best = Number.POSITIVE_INFINITY;
    const start = performance.now();
    for (;;) {
      const chunk = benchmarkChunk(program, rows, steps);
      const before = performance.now();
      await session.run(chunk);
      const now = performance.now();
      best = Math.min(best, ((now - before) * 1000) / steps);
      if (now - start >= SECONDS * 1000) return best;
      if (now - before < STRETCH_MS) steps *= 2;
    }
  };
}

async function measureAll(size: Size, engines: ReadonlyMap<string, Engine>, torch: Torch | undefined): Promise<Row[]> {
  const close: (() => Promise<void>)[] = [];
  const measures = new Map<string, Measure>();
  for (const [name, engine] of engines) measures.set(name, await timer(engine, size, close));
  if (torch !== undefined) {
    const { widths, batch, threads } = size;
    measures.set("pytorch", () => torch.microsPerStep({ widths, batch, threads, device: "cpu", seconds: SECONDS }));
  }
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, measure] of measures) times.set(name, [...(times.get(name) ?? []), await measure()]);
  }
  for (const dispose of close) await dispose();
  return [...times].map(([engine, all]) => ({
    engine,
    model: size.widths.join("-"),
    batch: size.batch,
    threads: size.threads,
    microsPerStep: median(all),
  }));
}

function report(rows: readonly Row[]): void {
  const of = (engine: string) => rows.find((row) => row.engine === engine)?.microsPerStep;
  const ours = of("onnx:cpu") as number;
  const [first] = rows;
  say(`\n${first?.model}, batch ${first?.batch}, ${first?.threads} thread(s), Adam: microseconds per step`);
  for (const { engine, microsPerStep } of rows) {
    const ratio = engine === "onnx:cpu" ? "" : `  ${(microsPerStep / ours).toFixed(1)} times ours`;
    say(`  ${engine.padEnd(14)}${microsPerStep.toFixed(0).padStart(9)}${ratio}`);
  }
}

function compileTimes(): void {
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    compileTraining(benchmarkProgram([8, 64, 1], 64));
    return performance.now() - start;
  });
  say(
    `compiling 8-64-1: ${times[0]?.toFixed(0)} ms the first time, ${median(times.slice(1)).toFixed(0)} ms after that`,
  );
}

/** Measures samples per second on the GPU, if there is one. */
async function onGpu(torch: Torch | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  for (const provider of ["webgpu", "cuda"] as const) {
    const probe = await probeProvider(provider, systemClock);
    if (!probe.starts || !probe.gpu) {
      say(`\nonnx:${provider} skipped: ${probe.detail}`);
      continue;
    }
    for (const width of [64, 1024, 4096]) {
      const size: Size = { widths: [10, width, width, 3], batch: 4096, threads: 1, slow: false };
      const close: (() => Promise<void>)[] = [];
      const measure = await timer(createOnnxEngine(provider, { clock: systemClock }), size, close);
      const ours = median([await measure(), await measure(), await measure()]);
      for (const dispose of close) await dispose();
      const row = { model: size.widths.join("-"), batch: size.batch, threads: 1 };
      rows.push({ engine: `onnx:${provider}`, ...row, microsPerStep: ours });
      say(`onnx:${provider} ${row.model}: ${((size.batch / ours) * 1e6).toFixed(0)} samples per second`);
      if (torch?.cuda) {
        const theirs = await torch.microsPerStep({ ...size, device: "cuda", seconds: 2 });
        rows.push({ engine: "pytorch:cuda", ...row, microsPerStep: theirs });
        say(`pytorch:cuda ${row.model}: ${((size.batch / theirs) * 1e6).toFixed(0)} samples per second`);
      }
    }
  }
  return rows;
}

async function main(): Promise<void> {
  compileTimes();
  setWasmPaths(new URL("../../node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url).pathname);
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.setBackend("cpu");
  const torch = await Torch.start();
  say(
    torch === undefined
      ? "PyTorch is not installed (python3-torch, libopenblas0); skipping it"
      : `PyTorch ${torch.version}`,
  );
  const rows: Row[] = [];
  for (const size of SIZES) {
    const engines = new Map([["onnx:cpu", createOnnxEngine("cpu", { clock: systemClock, threads: size.threads })]]);
    if (size.slow) {
      engines.set("tfjs-wasm", createEagerEngine("tfjs-wasm", "wasm", systemClock));
      engines.set("tfjs-cpu", createReferenceEngine(systemClock));
    }
    const measured = await measureAll(size, engines, torch);
    report(measured);
    rows.push(...measured);
  }
  rows.push(...(await onGpu(torch)));
  await torch?.stop();
  if (options.json) console.log(JSON.stringify({ rows }));
}

await main();

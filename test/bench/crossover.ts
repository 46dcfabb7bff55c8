import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { availableCpus } from "../../services/common/available-cpus.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { chooseEngine } from "../../services/engine/auto/auto-engine.ts";
import { estimateStep } from "../../services/engine/auto/estimate-step.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import type { StepWork } from "../../services/engine/compiler/step-work.ts";
import { recordStep } from "../../services/engine/compiler/tracing/record-step.ts";
import { compileWasmTraining } from "../../services/engine/compiler/wasm/compile-training.ts";
import type { Engine, TrainingSession } from "../../services/engine/interface/engine.ts";
import type { TrainingProgram } from "../../services/engine/interface/program.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { fitStepCosts, stepCostsFile } from "./fit-step-costs.ts";

/**
 * Measures where `auto` should change from `wasm` to `onnx:cpu`: microseconds per step of both engines over widths and
 * batch sizes, what `auto` chooses, and how much slower that is than the faster of the two. `--fit` writes the constants
 * of the cost model, fitted to the measurements with one thread, to services/engine/auto/step-costs.ts.
 *
 *     npm run bench:crossover [-- --fit] [-- --threads all] [-- --json]
 *
 * The processor must be idle, or the bench pinned to a processor of its own. One thread each is the default; with
 * `--threads all`, ONNX Runtime uses all processors where it would in a run.
 */
const { values: options } = parseArgs({
  options: {
    fit: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    threads: { type: "string", default: "one" },
    width: { type: "string", multiple: true },
    batch: { type: "string", multiple: true },
  },
});

const WIDTHS = (options.width ?? ["8", "16", "32", "64", "128", "256"]).map(Number);
const BATCHES = (options.batch ?? ["16", "64", "256", "1024", "4096"]).map(Number);
/** Shortest stretch that is timed: a call costs some tenths of a millisecond. */
const STRETCH_MS = 25;
const ROUNDS = 3;
/** Passes over all programs, of which the fastest time counts: other work on the machine rarely hits all of them. */
const PASSES = 3;

interface Row {
  readonly model: string;
  readonly batch: number;
  readonly wasm: number;
  readonly onnx: number;
  readonly choice: string;
  /** How much slower the choice is than the faster engine, as a share. */
  readonly loss: number;
  readonly work: StepWork;
}

const say = (line: string) => {
  if (!options.json) console.log(line);
};

/** A network with tanh and cross-entropy, for what exponentials and logarithms cost. */
function classifier(width: number, batch: number): TrainingProgram {
  const { build, ...program } = benchmarkProgram([10, width, width, 8], batch);
  return {
    ...program,
    build() {
      const built = build();
      const at = (name: string) => built.variables[name] as tf.Tensor2D;
      return {
        ...built,
        loss({ x, y }) {
          const layer = (input: tf.Tensor2D, index: number) =>
            tf.add<tf.Tensor2D>(tf.matMul(input, at(`dense${index}/kernel`)), at(`dense${index}/bias`));
          const hidden = tf.tanh(layer(tf.tanh(layer(x as tf.Tensor2D, 0)), 1));
          const logits = tf.logSoftmax(layer(hidden, 2));
          return tf.neg(tf.mean(tf.sum(tf.mul(logits, tf.softmax(y as tf.Tensor2D)), 1)));
        },
      };
    },
  };
}

interface Case {
  readonly model: string;
  readonly program: TrainingProgram;
}

function cases(): Case[] {
  return WIDTHS.flatMap((width) =>
    BATCHES.flatMap((batch) => [
      { model: `8-${width}-1`, program: benchmarkProgram([8, width, 1], batch) },
      { model: `10-${width}-${width}-3`, program: benchmarkProgram([10, width, width, 3], batch) },
      ...(width <= 64 && batch <= 1024
        ? [{ model: `tanh 10-${width}-${width}-8`, program: classifier(width, batch) }]
        : []),
    ]),
  );
}

/** Opens a session and returns a function that times a stretch of steps, in microseconds per step. */
async function timer(engine: Engine, program: TrainingProgram, close: (() => Promise<void>)[]) {
  const rows = Math.max(4096, program.batch);
  const session: TrainingSession = await engine.prepare(program, benchmarkData(program, rows), rows);
  close.push(() => session.dispose());
  const timed = async (steps: number): Promise<number> => {
    const chunk = benchmarkChunk(program, rows, steps);
    const before = performance.now();
    await session.run(chunk);
    return performance.now() - before;
  };
  let steps = 1;
  return async () => {
    for (;;) {
      const elapsed = await timed(steps);
      if (elapsed >= STRETCH_MS) return (elapsed * 1000) / steps;
      // The first calls compile, and a call that was interrupted looks long: neither may settle the number of steps.
      steps = Math.ceil(steps * Math.min(4, Math.max(1.3, (1.2 * STRETCH_MS) / elapsed)));
    }
  };
}

interface Times {
  wasm: number;
  onnx: number;
}

async function measure({ program }: Case, engines: Readonly<Record<keyof Times, Engine>>, best: Times): Promise<void> {
  const close: (() => Promise<void>)[] = [];
  const timers = { wasm: await timer(engines.wasm, program, close), onnx: await timer(engines.onnx, program, close) };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ["wasm", "onnx"] as const) best[name] = Math.min(best[name], await timers[name]());
  }
  for (const dispose of close) await dispose();
}

function rowOf({ model, program }: Case, best: Times): Row {
  const recorded = recordStep(program);
  const { running } = chooseEngine(recorded, program, 4096, compileWasmTraining);
  const chosen = running.name === "wasm" ? best.wasm : best.onnx;
  return {
    model,
    batch: program.batch,
    ...best,
    choice: running.name,
    loss: chosen / Math.min(best.wasm, best.onnx) - 1,
    work: compileWasmTraining(recorded, program).work,
  };
}

const micros = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0));

async function main(): Promise<void> {
  const threads = options.threads === "all" ? {} : { threads: 1 };
  const engines = {
    wasm: createWasmEngine({ clock: systemClock, ...threads }),
    onnx: createOnnxEngine("cpu", { clock: systemClock, ...threads }),
  };
  say(`${options.threads === "all" ? availableCpus() : 1} thread(s), microseconds per step (estimated in parentheses)`);
  say(`${"model".padEnd(20)}${"batch".padStart(6)}${"wasm".padStart(18)}${"onnx:cpu".padStart(18)}  auto      loss`);
  const all = cases().map((one) => ({
    ...one,
    best: { wasm: Number.POSITIVE_INFINITY, onnx: Number.POSITIVE_INFINITY },
  }));
  for (let pass = 0; pass < PASSES; pass++) for (const one of all) await measure(one, engines, one.best);
  const rows = all.map((one) => rowOf(one, one.best));
  for (const row of rows) {
    const cell = (engine: "wasm" | "onnx:cpu", measured: number) =>
      `${micros(measured)} (${micros(estimateStep(engine, row.work))})`.padStart(18);
    const loss = row.loss === 0 ? "" : `${(100 * row.loss).toFixed(0)} %`;
    say(
      `${row.model.padEnd(20)}${String(row.batch).padStart(6)}${cell("wasm", row.wasm)}${cell("onnx:cpu", row.onnx)}` +
        `  ${row.choice.padEnd(10)}${loss}`,
    );
  }
  const worst = Math.max(...rows.map(({ loss }) => loss));
  say(
    `auto loses at most ${(100 * worst).toFixed(0)} %, in ${rows.filter(({ loss }) => loss > 0.05).length} of ${rows.length} cases more than 5 %`,
  );
  if (options.fit) {
    const file = new URL("../../services/engine/auto/step-costs.ts", import.meta.url);
    await writeFile(file, stepCostsFile(fitStepCosts(rows)));
    say(`wrote ${file.pathname}; run again to see what auto chooses by it`);
  }
  if (options.json) console.log(JSON.stringify({ rows }));
}

await main();

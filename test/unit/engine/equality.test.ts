import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import type { TrainingProgram, TrainingState } from "../../../services/engine/interface/program.ts";
import { createOnnxEngine } from "../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import type { OptimizerSpec } from "../../../services/pipeline/team.ts";
import { adam, type DenseProgramOptions, denseProgram, numbers, rowNumbers } from "../../helpers/dense-program.ts";

const STEPS = 50;
const ROWS = 97;
const compiled = {
  onnx: createOnnxEngine("cpu", { clock: systemClock }),
  wasm: createWasmEngine({ clock: systemClock }),
};
const reference = createReferenceEngine(systemClock);

async function train(
  engine: Engine,
  program: TrainingProgram,
): Promise<{ losses: Float32Array; state: TrainingState }> {
  const data: Record<string, Float32Array> = {};
  Object.entries(program.resident).forEach(([name, { width }], index) => {
    data[name] = numbers(ROWS * width, index + 1);
  });
  const feeds: Record<string, Float32Array> = {};
  Object.entries(program.feeds).forEach(([name, { width }], index) => {
    feeds[name] = numbers(STEPS * program.batch * width, index + 31);
  });
  const session = await engine.prepare(program, data, ROWS);
  try {
    const losses = await session.run({
      steps: STEPS,
      indices: rowNumbers(STEPS * program.batch, ROWS),
      learningRates: Float32Array.from(
        { length: STEPS },
        (_, step) => program.optimizer.learningRate / (1 + step / 20),
      ),
      feeds,
    });
    return { losses, state: await session.state() };
  } finally {
    await session.dispose();
  }
}

async function expectAgreement(program: TrainingProgram): Promise<void> {
  const theirs = await train(reference, program);
  for (const engine of Object.values(compiled)) expectSame(engine.name, await train(engine, program), theirs);
}

type Trained = Awaited<ReturnType<typeof train>>;

function expectSame(engine: string, ours: Trained, theirs: Trained): void {
  ours.losses.forEach((loss, step) => {
    const wanted = theirs.losses[step] as number;
    expect(Math.abs(loss - wanted), `loss of step ${step} on ${engine}`).toBeLessThanOrEqual(1e-4 * Math.abs(wanted));
  });
  expect(Object.keys(ours.state)).toEqual(Object.keys(theirs.state));
  for (const [name, { values, shape }] of Object.entries(ours.state)) {
    const wanted = theirs.state[name];
    expect(shape).toEqual(wanted?.shape);
    values.forEach((value, index) => {
      expect(Math.abs(value - (wanted?.values[index] as number)), name).toBeLessThanOrEqual(1e-3);
    });
  }
}

const sgd: OptimizerSpec = { name: "sgd", learningRate: 0.05 };
const momentum: OptimizerSpec = { name: "momentum", learningRate: 0.02, momentum: 0.9 };
const fastAdam: OptimizerSpec = { ...adam, learningRate: 0.01 };

describe("the compiled engines agree with tfjs over 50 steps", () => {
  const architectures: [string, Omit<DenseProgramOptions, "optimizer" | "loss" | "seed">][] = [
    ["linear 3-1", { widths: [3, 1], batch: 16 }],
    ["8-64-1", { widths: [8, 64, 1], batch: 64 }],
    ["5-16-8-3", { widths: [5, 16, 8, 3], batch: 10 }],
    ["4-12-2, tanh", { widths: [4, 12, 2], batch: 1, activation: tf.tanh }],
    ["4-12-12-2, elu", { widths: [4, 12, 12, 2], batch: 7, activation: tf.elu }],
  ];
  let seed = 1;
  for (const [name, architecture] of architectures) {
    for (const optimizer of [sgd, momentum, fastAdam]) {
      for (const loss of ["mse", "cross-entropy"] as const) {
        it(`${name}, ${optimizer.name}, ${loss}`, async () => {
          await expectAgreement(denseProgram({ ...architecture, optimizer, loss, seed: seed++ }));
        });
      }
    }
  }
});

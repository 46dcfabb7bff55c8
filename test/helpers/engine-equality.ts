import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import type { TrainingProgram, TrainingState } from "../../services/engine/interface/program.ts";
import type { OptimizerSpec } from "../../services/pipeline/team.ts";
import { adam, type DenseProgramOptions, denseProgram, numbers, rowNumbers } from "./dense-program.ts";

const STEPS = 50;
const ROWS = 97;
const reference = createReferenceEngine(systemClock);

const sgd: OptimizerSpec = { name: "sgd", learningRate: 0.05 };
const momentum: OptimizerSpec = { name: "momentum", learningRate: 0.02, momentum: 0.9 };
const fastAdam: OptimizerSpec = { ...adam, learningRate: 0.01 };

const architectures: readonly (readonly [string, Omit<DenseProgramOptions, "optimizer" | "loss" | "seed">])[] = [
  ["linear 3-1", { widths: [3, 1], batch: 16 }],
  ["8-64-1", { widths: [8, 64, 1], batch: 64 }],
  ["5-16-8-3", { widths: [5, 16, 8, 3], batch: 10 }],
  ["4-12-2, tanh", { widths: [4, 12, 2], batch: 1, activation: tf.tanh }],
  ["4-12-12-2, elu", { widths: [4, 12, 12, 2], batch: 7, activation: tf.elu }],
];

export interface EqualityProgram {
  readonly name: string;
  readonly program: TrainingProgram;
  /**
   * False for the softmax of a single output, which is constant: kernels that round a zero gradient differently train
   * apart there, because Adam scales rounding noise up to steps.
   */
  readonly hasGradient: boolean;
}

/** Programs on which an engine must agree with the reference engine. */
export const equalityPrograms: readonly EqualityProgram[] = architectures
  .flatMap(([name, architecture]) =>
    [sgd, momentum, fastAdam].flatMap((optimizer) =>
      (["mse", "cross-entropy"] as const).map((loss) => ({ name, architecture, optimizer, loss })),
    ),
  )
  .map(({ name, architecture, optimizer, loss }, index) => ({
    name: `${name}, ${optimizer.name}, ${loss}`,
    program: denseProgram({ ...architecture, optimizer, loss, seed: index + 1 }),
    hasGradient: loss !== "cross-entropy" || architecture.widths.at(-1) !== 1,
  }));

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

/** Trains 50 steps on each engine and on the reference engine, and expects equal losses and states. */
export async function expectAgreement(engines: readonly Engine[], program: TrainingProgram): Promise<void> {
  const theirs = await train(reference, program);
  for (const engine of engines) expectSame(engine.name, await train(engine, program), theirs);
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

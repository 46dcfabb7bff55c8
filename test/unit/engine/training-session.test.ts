import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../../services/engine/eager/eager-engine.ts";
import type { Engine, TrainingSession } from "../../../services/engine/interface/engine.ts";
import type { Chunk, TrainingProgram, TrainingState } from "../../../services/engine/interface/program.ts";
import { createOnnxEngine } from "../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { adam, denseProgram, numbers, rowNumbers } from "../../helpers/dense-program.ts";

const ROWS = 64;
const onnx = createOnnxEngine("cpu", { clock: systemClock });
const wasm = createWasmEngine({ clock: systemClock });
const reference = createReferenceEngine(systemClock);
const engines: Engine[] = [onnx, wasm, reference];
const compiled: [string, Engine][] = [
  ["onnx", onnx],
  ["wasm", wasm],
];

/** One network over x with noise that is fed, a gradient penalty, and a variable that the loss never reads. */
function penalisedProgram(): TrainingProgram {
  return {
    batch: 8,
    resident: { x: { width: 3 }, y: { width: 1 }, unused: { width: 2 } },
    feeds: { noise: { width: 3 } },
    optimizer: { ...adam, learningRate: 0.02 },
    build() {
      const w = tf.variable(tf.randomNormal([3, 6], 0, 0.5, "float32", 1)) as tf.Variable<tf.Rank.R2>;
      const v = tf.variable(tf.randomNormal([6, 1], 0, 0.5, "float32", 2)) as tf.Variable<tf.Rank.R2>;
      const idle = tf.variable(tf.tensor1d([4, 5]));
      const half = tf.scalar(0.5);
      return {
        variables: { w, idle, v },
        loss({ x, y, noise }) {
          const model = (z: tf.Tensor2D) => tf.matMul(tf.tanh(tf.matMul(z, w)), v) as tf.Tensor2D;
          const input = tf.add(x as tf.Tensor2D, tf.mul(noise as tf.Tensor2D, 0.1)) as tf.Tensor2D;
          const slope = tf.grad((z) => tf.sum(model(z as tf.Tensor2D)))(input);
          const fit = tf.mean(tf.squaredDifference(model(input), y as tf.Tensor2D));
          return tf.add(fit, tf.mul(tf.mean(tf.square(slope)), half)) as tf.Scalar;
        },
        dispose() {
          tf.dispose([w, v, idle, half]);
        },
      };
    },
  };
}

function dataOf(program: TrainingProgram, rows = ROWS): Record<string, Float32Array> {
  const entries = Object.entries(program.resident);
  return Object.fromEntries(entries.map(([name, { width }], index) => [name, numbers(rows * width, index + 1)]));
}

/** Steps `from` to `to` of one fixed run. */
function chunkOf(program: TrainingProgram, from: number, to: number, rows = ROWS): Chunk {
  const feeds: Record<string, Float32Array> = {};
  for (const [name, { width }] of Object.entries(program.feeds)) {
    const size = program.batch * width;
    feeds[name] = numbers(1000 * size, 5).slice(from * size, to * size);
  }
  return {
    steps: to - from,
    indices: rowNumbers(1000 * program.batch, rows).slice(from * program.batch, to * program.batch),
    learningRates: Float32Array.from({ length: to - from }, (_, step) => 0.02 * Math.cos((from + step) / 50)),
    feeds,
  };
}

async function opened<T>(
  engine: Engine,
  program: TrainingProgram,
  work: (session: TrainingSession) => Promise<T>,
): Promise<T> {
  const session = await engine.prepare(program, dataOf(program), ROWS);
  try {
    return await work(session);
  } finally {
    await session.dispose();
  }
}

async function inChunks(session: TrainingSession, program: TrainingProgram, cuts: number[]): Promise<number[]> {
  const losses: number[] = [];
  for (let index = 1; index < cuts.length; index++) {
    const part = chunkOf(program, cuts[index - 1] as number, cuts[index] as number);
    losses.push(...(await session.run(part)));
  }
  return losses;
}

describe.each(engines.map((engine) => [engine.name, engine] as const))("a training session of %s", (_, engine) => {
  it("gives the same losses and weights whatever the chunk sizes", async () => {
    const program = penalisedProgram();
    const whole = await opened(engine, program, async (session) => ({
      losses: await inChunks(session, program, [0, 40]),
      state: await session.state(),
    }));
    const parts = await opened(engine, program, async (session) => ({
      losses: await inChunks(session, program, [0, 1, 7, 8, 33, 40]),
      state: await session.state(),
    }));
    expect(parts).toEqual(whole);
    expect(whole.losses).toHaveLength(40);
  });

  it("resumes from a state bit for bit, in another session", async () => {
    const program = penalisedProgram();
    const straight = await opened(engine, program, async (session) => {
      const losses = await inChunks(session, program, [0, 40]);
      return { losses: losses.slice(15), state: await session.state() };
    });
    const saved = await opened(engine, program, async (session) => {
      await inChunks(session, program, [0, 15]);
      const state = await session.state();
      // What happens after the state was taken must not change it.
      await inChunks(session, program, [15, 20]);
      return state;
    });
    const resumed = await opened(engine, program, async (session) => {
      await session.restore(saved);
      return { losses: await inChunks(session, program, [15, 40]), state: await session.state() };
    });
    expect(resumed).toEqual(straight);
  });

  it("names its state by variable and slot", async () => {
    const program = penalisedProgram();
    const state = await opened(engine, program, (session) => session.state());
    expect(Object.keys(state)).toEqual([
      "variable/w",
      "variable/idle",
      "variable/v",
      "optimiser/first-moment/w",
      "optimiser/first-moment/idle",
      "optimiser/first-moment/v",
      "optimiser/second-moment/w",
      "optimiser/second-moment/idle",
      "optimiser/second-moment/v",
      "optimiser/beta1-power",
      "optimiser/beta2-power",
    ]);
    expect(state["variable/idle"]?.values).toEqual(Float32Array.of(4, 5));
    expect(state["optimiser/beta1-power"]).toEqual({ shape: [], values: Float32Array.of(0.9) });
  });

  it("refuses a state of another program and keeps its own", async () => {
    const program = penalisedProgram();
    await opened(engine, program, async (session) => {
      const state = await session.state();
      const { "variable/v": v, ...lacking } = state;
      const wrong: [TrainingState, RegExp][] = [
        [lacking, /lacks variable\/v/],
        [{ ...state, "variable/extra": v as TrainingState[string] }, /holds variable\/extra/],
        [{ ...state, "variable/v": { shape: [1, 6], values: new Float32Array(6) } }, /shape \[1,6\].*\[6,1\]/],
      ];
      for (const [bad, message] of wrong) await expect(session.restore(bad)).rejects.toThrow(message);
      expect(await session.state()).toEqual(state);
    });
  });

  it("refuses a chunk that is not the program's, naming what is wrong", async () => {
    const program = penalisedProgram();
    await opened(engine, program, async (session) => {
      const good = chunkOf(program, 0, 2);
      const wrong: [Chunk, RegExp][] = [
        [{ ...good, steps: 0 }, /0 steps/],
        [{ ...good, indices: good.indices.slice(1) }, /row numbers: 15 values, 16 wanted/],
        [{ ...good, indices: good.indices.with(3, ROWS) }, /row 64 was asked for; the data has 64 rows/],
        [{ ...good, indices: good.indices.with(3, -1) }, /row -1/],
        [{ ...good, learningRates: new Float32Array(3) }, /learning rates: 3 values/],
        [{ ...good, feeds: {} }, /feed noise is missing/],
        [{ ...good, feeds: { noise: new Float32Array(5) } }, /feed noise: 5 values/],
      ];
      for (const [chunk, message] of wrong) await expect(session.run(chunk)).rejects.toThrow(message);
      expect(await session.run(good)).toHaveLength(2);
    });
  });

  it("refuses data that is not the program's", async () => {
    const program = penalisedProgram();
    const { x, ...without } = dataOf(program);
    await expect(engine.prepare(program, without, ROWS)).rejects.toThrow(/column x is missing/);
    await expect(engine.prepare(program, { ...without, x: x?.slice(1) as Float32Array }, ROWS)).rejects.toThrow(
      /column x: 191 values, 192 wanted/,
    );
  });

  it("lets the thread breathe during a chunk", async () => {
    const program = denseProgram({ widths: [8, 64, 1], batch: 64, optimizer: adam });
    await opened(engine, program, async (session) => {
      let turns = 0;
      let running = true;
      const turn = () => {
        turns++;
        if (running) setImmediate(turn);
      };
      turn();
      await session.run(chunkOf(program, 0, engine.name === "reference" ? 60 : 900));
      running = false;
      // The first one is before the chunk.
      expect(turns).toBeGreaterThan(1);
    });
  });

  it("can be disposed twice, and runs no more after it", async () => {
    const program = penalisedProgram();
    const session = await engine.prepare(program, dataOf(program), ROWS);
    await session.dispose();
    await session.dispose();
    await expect(session.run(chunkOf(program, 0, 1))).rejects.toMatchObject({ code: "failed-precondition" });
  });

  it("trains two programs with the same variable names at once, each its own", async () => {
    const programs = [1, 2].map((seed) => denseProgram({ widths: [3, 4, 1], batch: 4, optimizer: adam, seed }));
    const alone = [];
    for (const program of programs) {
      alone.push(await opened(engine, program, (session) => inChunks(session, program, [0, 30])));
    }
    const together = await Promise.all(
      programs.map((program) => opened(engine, program, (session) => inChunks(session, program, [0, 10, 30]))),
    );
    expect(together).toEqual(alone);
  });
});

describe.each(compiled)("the compiled engine %s", (_name, engine) => {
  it("agrees with tfjs on a gradient penalty with fed noise", async () => {
    const program = penalisedProgram();
    const [ours, theirs] = await Promise.all(
      [engine, reference].map((each) => opened(each, program, (session) => inChunks(session, program, [0, 50]))),
    );
    ours?.forEach((loss, step) => {
      const wanted = theirs?.[step] as number;
      expect(Math.abs(loss - wanted)).toBeLessThanOrEqual(1e-4 * Math.abs(wanted));
    });
  });

  it("continues from a checkpoint of the reference engine", async () => {
    const program = penalisedProgram();
    const [state, wanted] = await opened(reference, program, async (session) => {
      await inChunks(session, program, [0, 10]);
      return [await session.state(), await inChunks(session, program, [10, 30])] as const;
    });
    const losses = await opened(engine, program, async (session) => {
      await session.restore(state);
      return inChunks(session, program, [10, 30]);
    });
    losses.forEach((loss, step) => {
      expect(loss).toBeCloseTo(wanted[step] as number, 4);
    });
  });

  it("trains a tf.layers model", async () => {
    const program: TrainingProgram = {
      batch: 8,
      resident: { x: { width: 3 }, y: { width: 2 } },
      feeds: {},
      optimizer: { name: "momentum", learningRate: 0.05, momentum: 0.9 },
      build() {
        const input = tf.input({ shape: [3] });
        const hidden = tf.layers.dense({
          units: 8,
          activation: "relu",
          kernelInitializer: tf.initializers.glorotNormal({ seed: 3 }),
        });
        const output = tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }) });
        const model = tf.model({
          inputs: input,
          outputs: output.apply(
            tf.layers.add().apply([hidden.apply(input), hidden.apply(input)] as tf.SymbolicTensor[]),
          ) as tf.SymbolicTensor,
        });
        const variables: Record<string, tf.Variable> = {};
        model.trainableWeights.forEach((weight, index) => {
          variables[`weight${index}`] = weight.read() as tf.Variable;
        });
        return {
          variables,
          loss: ({ x, y }) =>
            tf.losses.meanSquaredError(y as tf.Tensor, model.apply(x as tf.Tensor) as tf.Tensor) as tf.Scalar,
          dispose: () => void model.dispose(),
        };
      },
    };
    const [ours, theirs] = await Promise.all(
      [engine, reference].map((each) => opened(each, program, (session) => inChunks(session, program, [0, 50]))),
    );
    ours?.forEach((loss, step) => {
      const wanted = theirs?.[step] as number;
      expect(Math.abs(loss - wanted)).toBeLessThanOrEqual(1e-4 * Math.abs(wanted));
    });
  });

  const refused: [string, (x: tf.Tensor2D, w: tf.Variable) => tf.Tensor, RegExp][] = [
    [
      "random numbers in the step",
      (x, w) => tf.mean(tf.mul(tf.add(x, tf.randomNormal([4, 2])), w)),
      /random|deterministic/,
    ],
    [
      "a look at values",
      (x, w) => tf.mean(tf.mul(x, (x.dataSync()[0] as number) > 0 ? w : tf.neg(w))),
      /reads the values/,
    ],
    [
      "a look at values later on",
      (x, w) => {
        const product = tf.mul(x, w);
        void product.data().then(() => {});
        return tf.mean(product);
      },
      /reads the values/,
    ],
    [
      "a convolution",
      (x, w) =>
        tf.mean(tf.conv1d(tf.reshape(x, [4, 2, 1]) as tf.Tensor3D, tf.reshape(w, [2, 1, 1]) as tf.Tensor3D, 1, "same")),
      /Conv2D/,
    ],
    ["a loss that is no scalar", (x, w) => tf.mul(x, w), /scalar/],
    ["a loss that reads no variable", (x) => tf.mean(x), /differentiated/],
  ];
  it.each(refused)("refuses %s", async (_what, loss, message) => {
    const program: TrainingProgram = {
      batch: 4,
      resident: { x: { width: 2 } },
      feeds: {},
      optimizer: { name: "sgd", learningRate: 0.1 },
      build() {
        const w = tf.variable(tf.tensor1d([1, 2]));
        return {
          variables: { w },
          loss: ({ x }) => loss(x as tf.Tensor2D, w) as tf.Scalar,
          dispose: () => w.dispose(),
        };
      },
    };
    await expect(engine.prepare(program, { x: numbers(20) }, 10)).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(engine.prepare(program, { x: numbers(20) }, 10)).rejects.toThrow(message);
  });

  it("keeps its memory flat over many chunks", async () => {
    const program = denseProgram({ widths: [4, 8, 1], batch: 8, optimizer: adam });
    const tensorsBefore = tf.memory().numTensors;
    await opened(engine, program, async (session) => {
      const chunk = chunkOf(program, 0, 100);
      const rss = async (chunks: number) => {
        for (let index = 0; index < chunks; index++) await session.run(chunk);
        return process.memoryUsage.rss();
      };
      const settled = await rss(150);
      const later = await rss(450);
      expect(later - settled).toBeLessThan(24 * 1024 * 1024);
    });
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  }, 60_000);
});

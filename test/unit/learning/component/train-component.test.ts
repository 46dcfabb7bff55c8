import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { NumericColumn } from "../../../../services/data/table/table.ts";
import { trainerData } from "../../../../services/data/visibility.ts";
import { compileInference } from "../../../../services/engine/compiler/inference.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { twoStagePipeline } from "../../../../services/experiments/paper/two-stage.ts";
import { trainComponent } from "../../../../services/learning/component/train-component.ts";
import type { ComponentTraining, TrainedComponent } from "../../../../services/learning/component/training-backend.ts";
import { encodeDataset } from "../../../../services/learning/dataset/encoded-dataset.ts";
import { denseNetwork } from "../../../../services/learning/programs/dense.ts";
import { trainingLosses } from "../../../../services/learning/programs/losses.ts";
import { predictionProgram } from "../../../../services/learning/programs/prediction-program.ts";
import { trainingProgram } from "../../../../services/learning/programs/training-program.ts";
import { loadUserModel } from "../../../../services/learning/programs/user-model.ts";
import { findProtocol } from "../../../../services/learning/protocols/all.ts";
import { protocolSpec } from "../../../../services/learning/protocols/protocol-spec.ts";
import { loadSnapshotModel } from "../../../../services/learning/snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../../../../services/learning/snapshot/snapshot-model.ts";
import { runTraining } from "../../../../services/learning/training/run-training.ts";
import type { TrainingCheckpoint } from "../../../../services/learning/training/training-progress.ts";
import { componentNamed } from "../../../../services/pipeline/dag.ts";
import type { TeamConfig } from "../../../../services/pipeline/team.ts";
import { visibleColumns } from "../../../../services/pipeline/visible-columns.ts";
import { team } from "../../../helpers/teams.ts";

const pipeline = twoStagePipeline(3, 600);
const source = createSyntheticSource(pipeline.data);
const onnx = createOnnxEngine("cpu", { clock: systemClock });
const wasm = createWasmEngine({ clock: systemClock });

async function trainingOf(
  config: TeamConfig,
  more: Partial<ComponentTraining> = {},
  engine: Engine = onnx,
): Promise<ComponentTraining> {
  const { training } = await trainerData(source, pipeline, config.component);
  const oracle = source.oracle(config.component);
  return { pipeline, team: config, table: training.table, upstream: {}, engine, ...(oracle && { oracle }), ...more };
}

const m1Team = team({ component: "m1", model: { kind: "dense", hidden: [] }, steps: 120 });
const causal = team({ protocol: protocolSpec("causal-proximal"), steps: 150 });
let m1: SnapshotModel;
let folder: string;

beforeAll(async () => {
  const trained = await trainComponent(await trainingOf(m1Team));
  m1 = await loadSnapshotModel(trained.bytes, trained);
  folder = await mkdtemp(join(tmpdir(), "uncouple-model-"));
});

afterAll(async () => {
  await m1.dispose();
  await rm(folder, { recursive: true });
});

const predictions = async (trained: TrainedComponent) => {
  const model = await loadSnapshotModel(trained.bytes, trained);
  const { table } = await source.heldOutRows(["x1", "x2"]);
  const z = { kind: "numeric", width: 3, values: await m1.predict(table) } as const;
  const values = await model.predict({ rows: table.rows, columns: { ...table.columns, z } });
  await model.dispose();
  return values;
};

describe.each([onnx, wasm])("training a component on $name", (engine) => {
  it("produces the same bytes for the same arguments, and different bytes for a different seed", async () => {
    const train = async (seed: number) =>
      (await trainComponent(await trainingOf({ ...causal, seed }, { upstream: { m1 } }, engine))).bytes;
    const first = await train(1);
    expect(Buffer.compare(first, await train(1))).toBe(0);
    expect(Buffer.compare(first, await train(2))).not.toBe(0);
  });

  it.each(["momentum", "adam"] as const)("resumes from any checkpoint to the same bytes, with %s", async (name) => {
    const optimizer =
      name === "adam"
        ? ({ name, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const)
        : ({ name, learningRate: 0.01, momentum: 0.9 } as const);
    const config = { ...causal, optimizer };
    const checkpoints: TrainingCheckpoint[] = [];
    const onProgress: ComponentTraining["onProgress"] = async (progress) =>
      void checkpoints.push(await progress.checkpoint());
    const whole = await trainComponent(await trainingOf(config, { upstream: { m1 }, onProgress }, engine));
    expect(checkpoints.length).toBeGreaterThan(2);
    for (const resume of [checkpoints[0], checkpoints.at(-2)] as TrainingCheckpoint[]) {
      const resumed = await trainComponent(await trainingOf(config, { upstream: { m1 }, resume }, engine));
      expect(resumed.loss).toBe(whole.loss);
      expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
    }
  });

  it("compiles a graph whose predictions match the trained tfjs model to 1e-5", async () => {
    const component = componentNamed(pipeline, "m1");
    const { table } = await source.trainingRows(["x1", "z"]);
    const dataset = await encodeDataset(component, table, { rows: table.rows, columns: {} });
    const network = denseNetwork({ inputs: 10, outputs: 3, seed: 4 }, [16, 8]);
    const protocol = findProtocol("async");
    const needs = protocol.needs({}, { hasUpstream: false, isConsumed: true });
    const loss = trainingLosses.mse;
    const { optimizer } = causal;
    const parts = { dataset, network, loss, protocol, parameters: {}, needs, prepared: {}, optimizer, batch: 32 };
    const { state } = await runTraining({
      engine,
      ...trainingProgram(parts),
      rows: dataset.rows,
      steps: 200,
      schedule: causal.schedule,
      seed: 1,
    });
    const program = predictionProgram(dataset, network, loss, state);
    const { bytes } = compileInference(program);
    const model = await loadSnapshotModel(bytes, {
      inputs: [{ name: "x1", kind: "numeric", width: 10 }],
      output: { name: "z", kind: "numeric", width: 3 },
    });
    const held = (await source.heldOutRows(["x1"])).table;
    const published = await model.predict(held);
    await model.dispose();
    await tf.setBackend("cpu");
    const x1 = tf.tensor2d((held.columns.x1 as NumericColumn).values, [held.rows, 10]);
    const trained = await program.predict({ x1 }).data();
    expect(published.length).toBe(held.rows * 3);
    published.forEach((value, i) => {
      expect(Math.abs(value - (trained[i] as number))).toBeLessThan(1e-5);
    });
  });

  it("stops when cancelled", async () => {
    const stop = new AbortController();
    const more = { upstream: { m1 }, signal: stop.signal, onProgress: () => stop.abort() };
    const training = await trainingOf(causal, more, engine);
    await expect(trainComponent({ ...training, team: { ...causal, steps: 100_000 } })).rejects.toThrow(/abort/i);
  });

  it("names the step that diverged", async () => {
    const wild = team({ optimizer: { name: "sgd", learningRate: 1e6 }, steps: 200 });
    await expect(trainComponent(await trainingOf(wild, { upstream: { m1 } }, engine))).rejects.toThrow(
      /training diverged: the loss of step \d+ is .*lower the learning rate/,
    );
  });

  it("trains a team's TypeScript model with the module's own loss, compiled", async () => {
    const path = join(folder, "model.ts");
    await writeFile(
      path,
      `export function buildModel(tf: any, { inputs, outputs, seed }: { inputs: number; outputs: number; seed: number }) {
        const init = (s: number) => tf.initializers.glorotNormal({ seed: s });
        return tf.sequential({ layers: [
          tf.layers.dense({ units: 12, activation: "tanh", inputShape: [inputs], kernelInitializer: init(seed) }),
          tf.layers.dense({ units: outputs, kernelInitializer: init(seed + 1) }),
        ] });
      }
      export function loss(tf: any, output: any, target: any) { return tf.losses.huberLoss(target, output); }
      `,
    );
    const config = team({ model: { kind: "module", path }, steps: 300 });
    const losses: number[] = [];
    const module = await loadUserModel(path);
    const onProgress: ComponentTraining["onProgress"] = ({ loss }) => void losses.push(loss);
    const trained = await trainComponent(await trainingOf(config, { upstream: { m1 }, onProgress }, engine), module);
    expect(trained.model).toBe("module model.ts");
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    expect((await predictions(trained)).every(Number.isFinite)).toBe(true);
    // tfjs treats a seed of 0 as unset; a team's seed of 0 is reproducible nevertheless.
    const unseeded = async () =>
      (await trainComponent(await trainingOf({ ...config, seed: 0, steps: 20 }, { upstream: { m1 } }, engine), module))
        .bytes;
    expect(Buffer.compare(await unseeded(), await unseeded())).toBe(0);
  });

  it("applies the regularizers of a team's model", async () => {
    const dense = (more: string) =>
      `export const buildModel = (tf: any, { inputs, outputs }: any) => tf.sequential({ layers: [tf.layers.dense({ units: outputs, inputShape: [inputs], kernelInitializer: tf.initializers.ones(), ${more} })] });`;
    const firstLoss = async (name: string, more: string) => {
      const path = join(folder, name);
      await writeFile(path, dense(more));
      const losses: number[] = [];
      const config = team({ model: { kind: "module", path }, steps: 1 });
      const onProgress: ComponentTraining["onProgress"] = ({ loss }) => void losses.push(loss);
      const training = await trainingOf(config, { upstream: { m1 }, onProgress }, engine);
      await trainComponent(training, await loadUserModel(path));
      return losses[0] as number;
    };
    // 8 inputs with weights of 1: 8 * 0.25.
    const regularized = await firstLoss("l2.ts", "kernelRegularizer: tf.regularizers.l2({ l2: 0.25 })");
    expect(regularized - (await firstLoss("plain.ts", ""))).toBeCloseTo(2, 5);
  });
});

describe("training a component", () => {
  it("never sees its upstream's target", () => {
    expect(visibleColumns(pipeline, "m2")).toEqual(["x1", "x2", "y"]);
  });

  it.each([
    ["missing.ts", undefined, /missing\.ts: file not found/],
    ["broken.ts", "export const = 3;", /broken\.ts: cannot be loaded: .*broken\.ts:1:13: ERROR: /],
    ["empty.ts", "export const x = 3;", /empty\.ts: must export a function buildModel/],
    [
      "throws.ts",
      "export const buildModel = () => { throw new Error('no GPU here'); };",
      /throws\.ts: buildModel failed: no GPU here/,
    ],
    ["nothing.ts", "export const buildModel = () => 3;", /nothing\.ts: buildModel must return a tf\.LayersModel/],
    [
      "narrow.ts",
      "export const buildModel = (tf: any, { inputs }: any) => tf.sequential({ layers: [tf.layers.dense({ units: 7, inputShape: [inputs] })] });",
      /narrow\.ts: its output shape is \[null,7\], expected \[null,1\]/,
    ],
    [
      "constraint.ts",
      "export const buildModel = (tf: any, { inputs, outputs }: any) => tf.sequential({ layers: [tf.layers.dense({ units: outputs, inputShape: [inputs], kernelConstraint: tf.constraints.nonNeg() })] });",
      /constraint\.ts: a layer has a weight constraint/,
    ],
    [
      "dropout.ts",
      "export const buildModel = (tf: any, { inputs, outputs }: any) => tf.sequential({ layers: [tf.layers.dense({ units: 9, inputShape: [inputs] }), tf.layers.dropout({ rate: 0.5 }), tf.layers.dense({ units: outputs })] });",
      /a constant in it differ.*must be a deterministic function of its batch/,
    ],
  ])("rejects the module %s with one clear error", async (name, text, message) => {
    const path = join(folder, name);
    if (text !== undefined) await writeFile(path, text);
    const config = team({ model: { kind: "module", path }, steps: 10 });
    const training = await trainingOf(config, { upstream: { m1 } });
    await expect(loadUserModel(path).then((module) => trainComponent(training, module))).rejects.toThrow(message);
  });
});

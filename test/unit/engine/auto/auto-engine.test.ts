import * as tf from "@tensorflow/tfjs";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { chooseEngine, createAutoEngine } from "../../../../services/engine/auto/auto-engine.ts";
import { benchmarkChunk, benchmarkData, benchmarkProgram } from "../../../../services/engine/benchmark-program.ts";
import { recordStep } from "../../../../services/engine/compiler/tracing/record-step.ts";
import { compileWasmTraining } from "../../../../services/engine/compiler/wasm/compile-training.ts";
import type { Engine, TrainingSession } from "../../../../services/engine/interface/engine.ts";
import type { TrainingProgram, TrainingState } from "../../../../services/engine/interface/program.ts";
import { createOnnxEngine } from "../../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";

const ROWS = 256;
const auto = createAutoEngine({ clock: systemClock });
const sessions: TrainingSession[] = [];
afterAll(() => Promise.all(sessions.map((session) => session.dispose())));

async function opened(engine: Engine, program: TrainingProgram): Promise<TrainingSession> {
  const session = await engine.prepare(program, benchmarkData(program, ROWS), ROWS);
  sessions.push(session);
  return session;
}

async function trained(engine: Engine, program: TrainingProgram): Promise<TrainingState> {
  const session = await opened(engine, program);
  await session.run(benchmarkChunk(program, ROWS, 20));
  return session.state();
}

const choiceFor = (program: TrainingProgram, rows: number) =>
  chooseEngine(recordStep(program), program, rows, compileWasmTraining);

/** A weight for each row, computed by an operator that the wasm engine lacks for integers. */
function cumulativeProgram(): TrainingProgram {
  const { build, ...program } = benchmarkProgram([4, 1], 8);
  return {
    ...program,
    build() {
      const built = build();
      return {
        ...built,
        loss(batch) {
          const weights = tf.cast(tf.cumsum(tf.cast(batch.y as tf.Tensor2D, "int32"), 0), "float32");
          return tf.add(built.loss(batch), tf.mean(weights)) as tf.Scalar;
        },
      };
    },
  };
}

describe("the engine auto", () => {
  it("runs a small program on wasm, to the bits of the wasm engine", async () => {
    const program = benchmarkProgram([8, 16, 1], 64);
    const session = await opened(auto, program);
    expect(session.engine).toMatchObject({ name: "wasm", numerics: "wasm", reason: "estimate" });
    expect(session.engine.detail).toMatch(/^estimated [\d.]+ us per step; onnx:cpu [\d.]+$/);
    expect(await trained(auto, program)).toEqual(await trained(createWasmEngine({ clock: systemClock }), program));
  });

  it("runs wide layers on ONNX Runtime, to the bits of onnx:cpu", async () => {
    const program = benchmarkProgram([10, 256, 256, 3], 256);
    const session = await opened(auto, program);
    expect(session.engine).toMatchObject({ name: "onnx:cpu", reason: "estimate" });
    expect(session.engine.numerics).toMatch(/^onnx:cpu\/(x64|arm64)/);
    expect(await trained(auto, program)).toEqual(
      await trained(createOnnxEngine("cpu", { clock: systemClock }), program),
    );
  });

  it("runs a program with an operator that WebAssembly lacks on ONNX Runtime, and names the operator", async () => {
    const session = await opened(auto, cumulativeProgram());
    expect(session.engine).toMatchObject({
      name: "onnx:cpu",
      reason: "unsupported",
      detail: "WebAssembly has no operator CumSum over int32",
    });
    const losses = await session.run(benchmarkChunk(cumulativeProgram(), ROWS, 3));
    expect([...losses].every(Number.isFinite)).toBe(true);
  });

  it("leaves a program whose data exceeds a WebAssembly memory to ONNX Runtime", () => {
    const program = benchmarkProgram([8, 16, 1], 64);
    // 9 columns of 4 bytes.
    const most = 2 ** 32 / 36;
    expect(choiceFor(program, Math.floor(0.95 * most)).running.name).toBe("wasm");
    expect(choiceFor(program, Math.ceil(most)).running).toMatchObject({
      name: "onnx:cpu",
      reason: "memory",
      detail: "the program and its data need 4.1 GiB, and a WebAssembly memory has at most 4",
    });
  });

  it("chooses by the program, not by its initial weights or the number of rows", () => {
    for (const widths of [
      [8, 8, 1],
      [10, 32, 32, 3],
      [10, 64, 64, 3],
      [8, 256, 1],
    ]) {
      for (const batch of [16, 64, 256]) {
        const [first, second] = [100, 1_000_000].map(
          (rows) => choiceFor(benchmarkProgram(widths, batch), rows).running,
        );
        expect(second).toEqual(first);
      }
    }
  });

  it("reports errors of a program as the engines do", async () => {
    const program = benchmarkProgram([4, 4, 1], 8);
    await expect(auto.prepare(program, {}, ROWS)).rejects.toMatchObject({ code: "invalid-argument" });
  });
});

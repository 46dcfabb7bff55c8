import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { decodeModel } from "../../../../../services/engine/compiler/onnx/decode-model.ts";
import { flattenState } from "../../../../../services/engine/compiler/passes/flat-state.ts";
import { scheduleScalars } from "../../../../../services/engine/compiler/passes/scalar-schedule.ts";
import { simplify } from "../../../../../services/engine/compiler/passes/simplify.ts";
import { applyToStep, recordStep } from "../../../../../services/engine/compiler/tracing/record-step.ts";
import { compileTraining } from "../../../../../services/engine/compiler/training.ts";
import type { TrainingProgram } from "../../../../../services/engine/interface/program.ts";
import type { OptimizerSpec } from "../../../../../services/pipeline/team.ts";
import { adam, denseProgram } from "../../../../helpers/dense-program.ts";

const program = (optimizer: OptimizerSpec, hidden: number[] = [16, 16]): TrainingProgram =>
  denseProgram({ widths: [4, ...hidden, 2], batch: 8, optimizer });

const flat = (optimizer: OptimizerSpec, hidden?: number[]) =>
  flattenState(applyToStep(recordStep(program(optimizer, hidden)).step, simplify));

describe("flat state", () => {
  it("makes one update of all variables", () => {
    // Only the update over the vector is left, however deep the network is.
    for (const hidden of [[16], [16, 16, 16, 16]]) {
      const body = decodeModel(compileTraining(program(adam, hidden)).bytes).graph?.node?.find(
        (n) => n.opType === "Scan",
      );
      const inner = body?.attribute?.find(({ name }) => name === "body")?.g?.node ?? [];
      expect(inner.filter(({ opType }) => opType === "Sqrt")).toHaveLength(1);
      expect(inner.filter(({ opType }) => opType === "Concat")).toHaveLength(1);
    }
  });

  it("lays variables and each kind of accumulator end to end, and leaves plain numbers alone", () => {
    const parts = flat(adam).carried.map((carried) => carried.parts.map(({ name }) => name));
    expect(parts).toHaveLength(5);
    expect(parts.filter(({ length }) => length === 1).flat()).toEqual([
      "optimiser/beta1-power",
      "optimiser/beta2-power",
    ]);
    const variables = parts.find(([first]) => first === "variable/dense0/kernel");
    expect(variables).toHaveLength(6);
    expect(parts.find(([first]) => first === "optimiser/first-moment/dense0/kernel")).toHaveLength(6);
    expect(parts.find(([first]) => first === "optimiser/second-moment/dense0/kernel")).toHaveLength(6);
  });
});

describe("the scalar schedule", () => {
  it("takes Adam's beta powers and the learning rate out of the step", () => {
    const { step, schedule } = scheduleScalars(flat(adam));
    expect(schedule.states).toEqual(["optimiser/beta1-power", "optimiser/beta2-power"]);
    expect(step.carried).toHaveLength(3);
    const { columns, state } = schedule.run(Float32Array.of(0.9, 0.999), Float32Array.of(0.1, 0.2));
    expect(columns.length).toBe(step.scheduled.length);
    const [beta1, beta2] = [0.9, 0.999].map(Math.fround) as [number, number];
    const cube = (x: number) => Math.fround(Math.fround(x * x) * x);
    expect([...state]).toEqual([cube(beta1), cube(beta2)]);
  });

  it("turns Adam's beta powers into zero where they would become denormal", () => {
    const { schedule } = scheduleScalars(flat(adam));
    const rates = new Float32Array(2000).fill(0.01);
    const { state } = schedule.run(Float32Array.of(1, 1), rates);
    expect(state[0]).toBe(0);
    expect(state[1]).toBeCloseTo(0.999 ** 2000, 4);
  });

  it("gives the same numbers in one run as in several", () => {
    const { schedule } = scheduleScalars(flat(adam));
    const rates = Float32Array.from({ length: 20 }, (_, step) => 0.01 / (step + 1));
    const whole = schedule.run(Float32Array.of(0.9, 0.999), rates);
    const first = schedule.run(Float32Array.of(0.9, 0.999), rates.slice(0, 7));
    const second = schedule.run(first.state, rates.slice(7));
    expect(second.state).toEqual(whole.state);
    whole.columns.forEach((column, index) => {
      expect([...(first.columns[index] ?? []), ...(second.columns[index] ?? [])]).toEqual([...column]);
    });
  });

  it("leaves numbers that the data enters in the step", () => {
    const scalarModel: TrainingProgram = {
      batch: 4,
      resident: { x: { width: 1 } },
      feeds: {},
      optimizer: adam,
      build() {
        const w = tf.variable(tf.scalar(2));
        return {
          variables: { w },
          loss: ({ x }) => tf.mean(tf.square(tf.sub(tf.mul(x as tf.Tensor2D, w), 1))) as tf.Scalar,
          dispose: () => w.dispose(),
        };
      },
    };
    const { step, schedule } = scheduleScalars(flattenState(applyToStep(recordStep(scalarModel).step, simplify)));
    expect(schedule.states).toEqual(["optimiser/beta1-power", "optimiser/beta2-power"]);
    expect(step.carried.flatMap(({ parts }) => parts.map(({ name }) => name))).toContain("variable/w");
  });
});

describe("a compiled step", () => {
  it("has as few operators as the paper's network needs", () => {
    const compiled = compileTraining(denseProgram({ widths: [8, 64, 1], batch: 64, optimizer: adam }));
    expect(compiled.nodesAStep).toBeLessThanOrEqual(34);
  });

  it("is the same model for programs that differ in their initial values only", () => {
    const models = [1, 2].map((seed) =>
      compileTraining(denseProgram({ widths: [3, 5, 1], batch: 4, optimizer: adam, seed })),
    );
    expect(models[0]?.bytes).toEqual(models[1]?.bytes);
    expect(models[0]?.initial).not.toEqual(models[1]?.initial);
  });
});

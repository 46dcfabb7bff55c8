import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../../../services/engine/compiler/onnx/emit-onnx.ts";
import { ModelFault } from "../../../../../services/learning/snapshot/faults/model-fault.ts";
import { inspectModel } from "../../../../../services/learning/snapshot/inspection/inspect-model.ts";
import { corpus } from "../../../../corpus/all-cases.ts";
import { bytesOf, floats, ints, LAYER, node, soundModel, value, WEIGHTS } from "../../../../corpus/build-model.ts";
import { reasonsOf } from "../../../../corpus/corpus-case.ts";
import { graphOf } from "../../../../helpers/compiled-function.ts";
import { gradientOf, kernelCases } from "../../../../helpers/kernel-cases.ts";

const cases = corpus("canary.bin");

function faultOf(bytes: Uint8Array): ModelFault | undefined {
  try {
    inspectModel(bytes);
  } catch (thrown) {
    if (thrown instanceof ModelFault) return thrown;
    throw thrown;
  }
  return undefined;
}

describe("inspection", () => {
  it("knows at least 60 hostile or broken models, each by its own name and bytes", () => {
    expect(cases.length).toBeGreaterThan(60);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases.filter(({ found }) => found === "inspection").map((one) => [one.name, one] as const))(
    "refuses %s",
    (_, one) => {
      const fault = faultOf(one.bytes());
      expect(reasonsOf(one), fault?.message).toContain(fault?.reason);
      expect(fault?.message).toMatch(/^[\P{C}]{1,500}$/u);
    },
  );

  it("leaves what only running can show to the host", () => {
    for (const one of cases.filter(({ found }) => found === "host")) {
      expect(faultOf(one.bytes())?.message, one.name).toBe(undefined);
    }
  });

  it("accepts every operator that Uncouple's compiler writes, gradients included", () => {
    const operators = new Set<string>();
    for (const [name, work, inputs, flat] of kernelCases) {
      for (const whole of flat === undefined ? [work, gradientOf(work)] : [work]) {
        const bytes = emitOnnx(graphOf(whole, inputs));
        expect(faultOf(bytes)?.message, name).toBe(undefined);
        for (const operator of inspectModel(bytes).operators) operators.add(operator);
      }
    }
    expect(operators.size).toBeGreaterThan(60);
  });

  it("says what a model declares, and which operators it has", () => {
    expect(inspectModel(soundModel())).toEqual({
      inputs: [{ name: "x1", type: "float32", shape: ["rows", 10] }],
      outputs: [{ name: "z", type: "float32", shape: ["rows", 3] }],
      operators: ["MatMul"],
    });
    // Before IR version 4, constants were inputs as well.
    const old = bytesOf({
      nodes: [LAYER],
      constants: [WEIGHTS],
      graph: { input: [value("x1", ["rows", 10]), value("w", [10, 3])] },
    });
    expect(inspectModel(old).inputs.map(({ name }) => name)).toEqual(["x1"]);
  });

  it("accepts sizes below the limits, wherever they come from", () => {
    const sizes = ints("sizes", [64, 64]);
    const square = bytesOf({
      nodes: [
        node("Shape", "x1", "shape"),
        node("Gather", "shape first", "rows"),
        node("Unsqueeze", "rows axis", "vector"),
        node("Concat", "vector width", "wanted", { axis: 0 }),
        node("Expand", "one wanted", "ones"),
        node("Expand", "one sizes", "small"),
        node("MatMul", "small small", "product"),
        node("ReduceMean", "product", "mean"),
        node("MatMul", "x1 w", "y"),
        node("Add", "y ones", "sum"),
        node("Add", "sum mean", "z"),
      ],
      constants: [WEIGHTS, sizes, floats("one", [1]), ints("first", [0], []), ints("axis", [0]), ints("width", [3])],
    });
    expect(faultOf(square)).toBe(undefined);
  });
});

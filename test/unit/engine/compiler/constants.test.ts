import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { difference, graphOf, inputValues, runCompiled, runEagerly } from "../../../helpers/compiled-function.ts";
import { kernelCases } from "../../../helpers/kernel-cases.ts";
import { withoutVagueMath } from "../../../helpers/vague-math.ts";
import { runWasm } from "../../../helpers/wasm-function.ts";

describe("what is known while a program is recorded", () => {
  it.each(kernelCases)("is not computed by vague functions: %s", (_, work, inputs) => {
    const tensors = inputs.map((input, index) => ({ ...input, numbers: inputValues(input, index) }));
    const graph = withoutVagueMath(() =>
      graphOf(() => {
        const constants = tensors.map(({ shape, numbers, int }) =>
          tf.tensor(numbers, [...shape], int === true ? "int32" : "float32"),
        );
        return work(...constants);
      }, []),
    );
    expect(graph.outputs.length).toBeGreaterThan(0);
  });

  it("is computed once, if its arithmetic is exact", () => {
    const graph = graphOf((x) => tf.mul(x as tf.Tensor, tf.sqrt(tf.div(tf.scalar(2), tf.scalar(8)))), [{ shape: [3] }]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["Mul"]);
  });

  it("has the value that tfjs gives it", async () => {
    const work = (x: tf.Tensor | undefined) => tf.mul(x as tf.Tensor, tf.exp(tf.sin(tf.tensor1d([0.3, -2, 5]))));
    const inputs = [{ shape: [2, 3] }];
    const wanted = runEagerly(work, inputs);
    expect(difference(await runCompiled(work, inputs), wanted, 1e-6)).toBeUndefined();
    expect(difference(runWasm(work, inputs), wanted, 1e-6)).toBeUndefined();
  });
});

import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { compileInference } from "../../../../../services/engine/compiler/inference.ts";
import { compileTraining } from "../../../../../services/engine/compiler/training.ts";
import { adam, denseProgram } from "../../../../helpers/dense-program.ts";

/**
 * A snapshot's digest names it in manifests and verdicts, and a repeated run must give the same one. A digest that
 * changes here therefore breaks what has been published: change it only with the encoding on purpose.
 */
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

it("a snapshot's model keeps its bytes", () => {
  const { bytes } = compileInference({
    inputs: [
      { name: "x", kind: "numeric", width: 2 },
      { name: "color", kind: "categorical", vocabulary: ["red", "green", "blå"] },
    ],
    output: { name: "y", width: 3 },
    predict: ({ x, color }) => {
      const weights = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
      const sum = tf.add(tf.matMul(x as tf.Tensor2D, weights), tf.prelu(color as tf.Tensor2D, tf.fill([1, 3], 0.25)));
      return tf.leakyRelu(tf.sub(sum, tf.mean(sum, 1, true)), 0.5) as tf.Tensor2D;
    },
  });
  expect(digest(bytes)).toBe("30e1dfc2e10f6610f89644b1a0882b707b2a072e7627e416dc8ae75532db80db");
});

it("a compiled training program, with a graph inside the graph, keeps its bytes", () => {
  expect(digest(compileTraining(denseProgram({ widths: [4, 8, 2], batch: 8, optimizer: adam })).bytes)).toBe(
    "8317682bcf1eb077ba9a793b4207c140c83cbf861269c77447b7b2392043f3db",
  );
});

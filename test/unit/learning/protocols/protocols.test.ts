import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { trainingLosses } from "../../../../services/learning/programs/losses.ts";
import { findProtocol, protocols } from "../../../../services/learning/protocols/all.ts";
import type { ProtocolStep } from "../../../../services/learning/protocols/protocol.ts";
// Loads tfjs without its banner, as every engine does.
import "../../../../services/engine/tfjs/tfjs-sandbox.ts";

const rows = 6;
const q = 2;

/** A step of a component with a quadratic network in z, so that its input gradients are known. */
function step(loss: keyof typeof trainingLosses, outputs: number, weights: tf.Tensor2D): ProtocolStep {
  const at = (seed: number, width: number) => tf.randomNormal<tf.Rank.R2>([rows, width], 0, 1, "float32", seed);
  const output = (z: tf.Tensor2D | undefined) => tf.matMul(tf.square(z as tf.Tensor2D), weights) as tf.Tensor2D;
  const distribution = (seed: number) => tf.softmax(at(seed, outputs)) as tf.Tensor2D;
  const target = (seed: number) => (loss === "mse" ? at(seed, outputs) : distribution(seed));
  return {
    tf,
    imputed: at(1, q),
    noise: at(2, q),
    target: target(3),
    previous: target(4),
    calibrated: at(5, q),
    counterfactual: (z) => tf.add(target(6), tf.mul(tf.sum(z, -1, true), loss === "mse" ? 1 : 0)) as tf.Tensor2D,
    output,
    ...trainingLosses[loss],
  };
}

const w = (outputs: number) => tf.randomNormal<tf.Rank.R2>([q, outputs], 0, 1, "float32", 9);
const value = (t: tf.Tensor) => t.dataSync()[0] as number;
const grad = (f: (weights: tf.Tensor2D) => tf.Scalar, weights: tf.Tensor2D) => [
  ...tf
    .grad((t) => f(t as tf.Tensor2D))(weights)
    .dataSync(),
];

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("protocols", () => {
  it.each([
    ["mse", 1],
    ["mse", 3],
    ["cross-entropy", 3],
    ["policy", 3],
  ] as const)(
    "causal has the gradient of Eq. 5, L(Yhat, Y) + dL/dY (Ytilde - Y), for %s with %i outputs",
    (name, outputs) => {
      const { loss } = trainingLosses[name];
      const equation5 = (weights: tf.Tensor2D) => {
        const s = step(name, outputs, weights);
        const yhat = s.output(s.imputed);
        const correction = tf.sub(s.counterfactual(s.imputed as tf.Tensor2D), s.target);
        const slope = tf.grad((y) => loss(yhat, y as tf.Tensor2D))(s.target);
        return tf.add(loss(yhat, s.target), tf.sum(tf.mul(slope, correction))) as tf.Scalar;
      };
      const causal = findProtocol("causal");
      const ours = grad((weights) => causal.loss(step(name, outputs, weights), {}), w(outputs));
      const theirs = grad(equation5, w(outputs));
      ours.forEach((g, i) => {
        expect(g).toBeCloseTo(theirs[i] as number, 4);
      });
    },
  );

  it("causal-proximal moves the target with the input", () => {
    const s = step("mse", 1, w(1));
    const moved = tf.add(s.imputed as tf.Tensor2D, tf.mul(s.noise as tf.Tensor2D, 0.4)) as tf.Tensor2D;
    const expected = s.loss(s.output(moved), s.counterfactual(moved));
    expect(value(findProtocol("causal-proximal").loss(s, { sigma: 0.4 }))).toBeCloseTo(value(expected), 6);
  });

  it("blend of weight 0 is async and of weight 1 is causal", () => {
    const s = step("mse", 2, w(2));
    const of = (name: string, parameters = {}) => value(findProtocol(name).loss(s, parameters));
    expect(of("blend", { weight: 0 })).toBeCloseTo(of("async"), 6);
    expect(of("blend", { weight: 1 })).toBeCloseTo(of("causal"), 6);
  });

  it("proximal adds lambda times the squared distance to the previous snapshot", () => {
    const { noise: _, ...s } = step("mse", 2, w(2));
    const distance = value(tf.mean(tf.squaredDifference(s.output(s.imputed), s.previous as tf.Tensor2D)));
    const of = (lambda: number) => value(findProtocol("proximal").loss(s, { lambda, sigma: 0 }));
    expect(of(2) - of(0)).toBeCloseTo(2 * distance, 4);
  });

  it("proximal measures the distance to the previous snapshot at the unperturbed inputs", () => {
    const s = step("mse", 2, w(2));
    const distance = value(tf.mean(tf.squaredDifference(s.output(s.imputed), s.previous as tf.Tensor2D)));
    const of = (lambda: number) => value(findProtocol("proximal").loss(s, { lambda, sigma: 0.5 }));
    expect(of(2) - of(0)).toBeCloseTo(2 * distance, 4);
  });

  it("gradient-penalty adds gamma times the mean squared input gradient", () => {
    const weights = w(2);
    const s = step("mse", 2, weights);
    // d output_k / d z_i = 2 z_i w_ik for the quadratic network.
    const z = s.imputed as tf.Tensor2D;
    const squared = tf.matMul(tf.mul(4, tf.square(z)) as tf.Tensor2D, tf.square(weights) as tf.Tensor2D);
    const expected = value(tf.mean(tf.sum(squared, -1)));
    const of = (gamma: number) => value(findProtocol("gradient-penalty").loss(s, { gamma }));
    expect(of(0.5) - of(0)).toBeCloseTo(0.5 * expected, 3);
  });

  it("gauss-newton is the squared error at the linearized prediction", () => {
    const weights = w(1);
    const s = step("mse", 1, weights);
    const z = s.imputed as tf.Tensor2D;
    const shift = tf.sub(s.calibrated as tf.Tensor2D, z);
    const d = tf.matMul(tf.mul(tf.mul(2, z), shift) as tf.Tensor2D, weights);
    const residual = tf.sub(s.target, s.output(z));
    const expanded = tf.add(tf.sub(tf.square(residual), tf.mul(2, tf.mul(residual, d))), tf.square(d));
    expect(value(findProtocol("gauss-newton").loss(s, {}))).toBeCloseTo(value(tf.mean(expanded)), 3);
  });

  it("need nothing that a component without upstream or consumers cannot provide", () => {
    const alone = { hasUpstream: false, isConsumed: false };
    expect(findProtocol("proximal").needs({ lambda: 1, sigma: 0.2 }, alone)).toMatchObject({
      noise: false,
      previous: false,
    });
  });

  it("all have a summary, an equation and advice", () => {
    for (const { name, summary, equation, advice } of protocols) {
      expect(name).toMatch(/^[a-z-]+$/);
      for (const text of [summary, equation, advice]) expect(text.length).toBeGreaterThan(20);
    }
  });

  it("that do not exist cause an error that names the available ones", () => {
    expect(() => findProtocol("casual")).toThrow(UncoupleError);
    expect(() => findProtocol("casual")).toThrow(/unknown protocol "casual"; available: .*causal-proximal/);
  });
});

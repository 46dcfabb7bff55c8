import { tf } from "../../tfjs/tf.ts";
import { createTfjsSandbox } from "../../tfjs/tfjs-sandbox.ts";
import type { CheckResult } from "../check-binding.ts";
import { loadTensorflow, TENSORFLOW_BACKEND } from "../load-tensorflow.ts";

const STEPS = 100;

/** Fits y = 3 x + 1 by gradient descent. @returns slope and offset */
function trained(backend: string): readonly number[] {
  return createTfjsSandbox(backend).run(() => {
    const x = tf.tensor2d([-1, 0, 1, 2], [4, 1]);
    const y = x.mul(3).add(1);
    const slope = tf.variable(tf.zeros([1, 1]));
    const offset = tf.variable(tf.zeros([1]));
    const optimizer = tf.train.sgd(0.2);
    for (let step = 0; step < STEPS; step++) {
      optimizer.minimize(() => tf.mean(tf.squaredDifference(tf.matMul(x, slope).add(offset), y)));
    }
    return [...slope.dataSync(), ...offset.dataSync()];
  });
}

/** Loads TensorFlow and trains with it on both backends. */
function check(from: string | undefined): CheckResult {
  try {
    const works = loadTensorflow(from);
    const [ours, theirs] = [trained(TENSORFLOW_BACKEND), trained("cpu")];
    const agree = theirs.every((value, index) => Math.abs(value - (ours[index] ?? Number.NaN)) < 1e-4);
    return agree ? { works } : { fails: `a fit gave ${ours.join(", ")}, not ${theirs.join(", ")}` };
  } catch (thrown) {
    return { fails: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

process.send?.(check(process.argv[2]), () => process.disconnect());

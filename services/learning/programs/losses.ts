import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../engine/tfjs/tf.ts";
import type { LossName } from "../../pipeline/pipeline.ts";

/**
 * A loss in training space: standardized values for real outputs, logits for probabilities.
 */
export interface TrainingLoss {
  /**
   * @param output the network's output, [rows, width]
   * @param target standardized values, or a distribution over the classes (one-hot if the class is known)
   * @returns the mean over rows
   */
  loss(output: Tf.Tensor2D, target: Tf.Tensor2D): Tf.Scalar;
  /** Maps the network's output to what consumers read: identity, or softmax. */
  link(output: Tf.Tensor2D): Tf.Tensor2D;
}

const squaredError: TrainingLoss = {
  loss: (output, target) => tf.mean(tf.squaredDifference(output, target)) as Tf.Scalar,
  link: (output) => output,
};

const crossEntropy: TrainingLoss = {
  loss: (output, target) => tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(output)), -1))) as Tf.Scalar,
  link: (output) => tf.softmax(output),
};

/**
 * Modi et al. 2023, section 2, "Y softmax(Yhat)": the expected reward of a policy that samples actions from
 * softmax(Yhat). The paper prints the reward; the loss is its negative. `target` holds the reward of every action; for
 * logged-bandit data it holds the inverse-propensity estimate (reward / propensity at the logged action, 0 elsewhere).
 */
const policyReward: TrainingLoss = {
  loss: (output, target) => tf.neg(tf.mean(tf.sum(tf.mul(target, tf.softmax(output)), -1))) as Tf.Scalar,
  link: (output) => tf.softmax(output),
};

export const trainingLosses: Readonly<Record<LossName, TrainingLoss>> = {
  mse: squaredError,
  "cross-entropy": crossEntropy,
  policy: policyReward,
};

import { createRandom } from "../../data/random/random.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { Lab } from "../lab/lab.ts";
import { dense } from "../lab/lab.ts";
import type { TwoStage } from "./two-stage.ts";

/**
 * Interpolates between two models, m0 + w (m1 - m0) per coordinate. A negative weight moves away from the second model.
 *
 * @param weights one per coordinate of the output
 */
export function interpolate(from: SnapshotModel, to: SnapshotModel, weights: readonly number[]): SnapshotModel {
  return {
    predict: async (inputs) => {
      const [m0, m1] = await Promise.all([from.predict(inputs), to.predict(inputs)]);
      return m0.map((value, i) => {
        const weight = weights[i % weights.length] as number;
        return value + weight * ((m1[i] as number) - value);
      });
    },
    dispose: async () => {},
  };
}

/** A coordinate may move away from the consistent model by up to half its distance to it. */
const MIN_WEIGHT = -0.5;

/**
 * Draws random updates of M1^0 that improve M1's own held-out loss without reaching the truth: each coordinate moves a
 * random part of the way toward the consistent model, some of them away from it.
 */
export async function randomIncrementalUpdates(
  { lab, m1 }: TwoStage,
  seed: number,
  count: number,
): Promise<SnapshotModel[]> {
  const random = createRandom(seed, "incremental-updates");
  const before = await lab.loss("m1", { m1: m1.initial });
  const updates: SnapshotModel[] = [];
  while (updates.length < count) {
    const weights = Array.from({ length: 3 }, () => MIN_WEIGHT + (1 - MIN_WEIGHT) * random.uniform());
    const update = interpolate(m1.initial, m1.consistent, weights);
    if ((await lab.loss("m1", { m1: update })) < before) updates.push(update);
  }
  return updates;
}

/** Trains an over-parameterized M1 of random width to near the truth. */
export function randomConsistentUpdate(lab: Lab, seed: number, steps: number): Promise<SnapshotModel> {
  const width = 48 + createRandom(seed, "consistent-update").below(81);
  return lab.train("m1", { model: dense(width), steps }, {});
}

import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { dense } from "../lab/lab.ts";
import { INCREMENTAL_LAMBDA, type TwoStage, trainThrottled } from "./two-stage.ts";

/**
 * Hidden units of the M1s that a team trains without a throttle, from a model class too small for M1*, which has 8 hidden
 * units, to one large enough: they have about 40 to 2 % of the loss of M1^0.
 */
const WIDTHS: readonly number[] = [4, 6, 8, 12, 16];
/** Weights of the proximal term: the updates have (lambda / (1 + lambda))^2, 81 to 11 %, of the loss of M1^0. */
const LAMBDAS: readonly number[] = [9, 4, INCREMENTAL_LAMBDA, 1, 0.5];

/**
 * The updates of M1 that a protocol itself produces, equally many for each: `throttled` is the paper's proximal protocol,
 * which limits how far an update moves; `free` are better and better model classes, trained to the end.
 */
export interface OwnUpdates {
  readonly free: readonly Update[];
  readonly throttled: readonly Update[];
}

/** An update of M1. */
export interface Update {
  /** What it was trained with: `width 8`, `lambda 2.07`. */
  readonly name: string;
  readonly model: SnapshotModel;
}

export async function trainOwnUpdates({ lab, m1, sizes }: TwoStage): Promise<OwnUpdates> {
  const free: Update[] = [];
  for (const width of WIDTHS) {
    const model = await lab.train("m1", { model: dense(width), steps: sizes.consistentSteps }, {});
    free.push({ name: `width ${width}`, model });
  }
  const throttled: Update[] = [];
  for (const lambda of LAMBDAS) {
    const model = lambda === INCREMENTAL_LAMBDA ? m1.incremental : await trainThrottled(lab, sizes, m1.initial, lambda);
    throttled.push({ name: `lambda ${lambda}`, model });
  }
  return { free, throttled };
}

import { mean } from "../../common/statistics.ts";
import type { Models } from "../lab/lab.ts";
import { type Harm, harmOf, type Proportion, type Summary, shareOf, summarize } from "../lab/statistics.ts";
import { GATED_PROTOCOLS, type GatedProtocol, gateStage } from "./gated-protocols.ts";
import type { Update } from "./own-updates.ts";
import type { TwoStage } from "./two-stage.ts";

/**
 * Kinds of updates of M1: `consistent` are (nearly) optimal, and M1* itself; `own` are those that a protocol produces, with a
 * gate those of async; `mixes` are random mixes of M1^0 and the consistent M1.
 */
export const UPDATE_FAMILIES = ["consistent", "own", "mixes"] as const;
export type UpdateFamily = (typeof UPDATE_FAMILIES)[number];

/** What a gate made of one update of M1. Losses are of held-out rows that the gate never asks, M2* o M1^0 = 100. */
export interface GatedTrial {
  /** Loss of what is released after the update. */
  readonly loss: number;
  /** That loss minus the loss of what was released before. */
  readonly change: number;
  readonly isReleased: boolean;
  /** Whether the pipeline with the update and an M2 retrained on it is better than what was released before. */
  readonly isGood: boolean;
}

/** One seed's trials. */
export type GatedSeed = Readonly<Record<GatedProtocol, Readonly<Record<UpdateFamily, readonly GatedTrial[]>>>>;

/** What a gate made of the updates of a family. */
export interface GatedRow {
  readonly protocol: GatedProtocol;
  readonly updates: UpdateFamily;
  /** Updates after which what is released is worse. */
  readonly violations: Harm;
  /** Of all updates, those that are not released. */
  readonly rejected: Proportion;
  /** Of all updates, those that are not released although the pipeline retrained on them is better. */
  readonly goodRejected: Proportion;
  /** Loss of what is released after an update; `values` are the means of each seed. */
  readonly loss: Summary;
}

/**
 * Announces every update to a pipeline of its own, under each gated protocol.
 * @param unit the loss that counts as 1
 */
export async function gatedOf(
  stage: TwoStage,
  updates: Readonly<Record<UpdateFamily, readonly Update[]>>,
  unit: number,
): Promise<GatedSeed> {
  const gates = gateStage(stage);
  const lossOf = async (models: Models) => (await gates.unseenLoss(models)) / unit;
  const trial = async (protocol: GatedProtocol, { model }: Update): Promise<GatedTrial> => {
    const pipeline = await gates.open(protocol);
    const before = await lossOf(pipeline.models());
    const retrained = await lossOf({ m1: model, m2: await stage.retrained(model, 1) });
    const isReleased = await pipeline.update(model);
    const loss = await lossOf(pipeline.models());
    return { loss, change: loss - before, isReleased, isGood: retrained < before };
  };
  const inSequence = async (protocol: GatedProtocol, family: UpdateFamily) => {
    const trials: GatedTrial[] = [];
    for (const update of updates[family]) trials.push(await trial(protocol, update));
    return trials;
  };
  const families = async (protocol: GatedProtocol) => ({
    consistent: await inSequence(protocol, "consistent"),
    own: await inSequence(protocol, "own"),
    mixes: await inSequence(protocol, "mixes"),
  });
  return {
    rejection: await families("rejection"),
    "gate-sets": await families("gate-sets"),
    "co-training": await families("co-training"),
  };
}

export async function gatedRows(perSeed: readonly GatedSeed[]): Promise<readonly GatedRow[]> {
  const rows: GatedRow[] = [];
  for (const protocol of GATED_PROTOCOLS) {
    for (const updates of UPDATE_FAMILIES) {
      const of = <T>(value: (trial: GatedTrial) => T) => perSeed.map((seed) => seed[protocol][updates].map(value));
      rows.push({
        protocol,
        updates,
        violations: await harmOf(of(({ change }) => change)),
        rejected: await shareOf(of(({ isReleased }) => !isReleased)),
        goodRejected: await shareOf(of(({ isReleased, isGood }) => !isReleased && isGood)),
        loss: summarize(of(({ loss }) => loss).map(mean)),
      });
    }
  }
  return rows;
}

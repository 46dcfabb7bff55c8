import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import type { TwoStage } from "./two-stage.ts";

const UPDATES = ["consistent", "incremental"] as const;

/** One seed's losses of M1 after each kind of update, M1^0 = 100. */
export type Table2Seed = Readonly<Record<(typeof UPDATES)[number], number>>;

export interface Table2 {
  readonly experiment: "table2";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & { readonly upstream: (typeof UPDATES)[number] })[];
}

/** Measures M1's own held-out loss after each kind of update, relative to M1^0 (Modi et al. 2023, Table 2). */
export async function table2Of({ lab, m1 }: TwoStage): Promise<Table2Seed> {
  const initial = await lab.loss("m1", { m1: m1.initial });
  const relative = async (model: SnapshotModel) => (100 * (await lab.loss("m1", { m1: model }))) / initial;
  return { consistent: await relative(m1.consistent), incremental: await relative(m1.incremental) };
}

export function table2(seeds: readonly number[], perSeed: readonly Table2Seed[]): Table2 {
  return {
    experiment: "table2",
    seeds,
    rows: UPDATES.map((upstream) => ({ upstream, ...summarize(perSeed.map((seed) => seed[upstream])) })),
  };
}

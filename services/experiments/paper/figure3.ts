import { type Summary, summarize } from "../lab/statistics.ts";
import { type TwoStage, UPSTREAMS, type Upstream } from "./two-stage.ts";

export const FIGURE3_PROTOCOLS = ["oracle", "sync", "async", "proximal", "causal", "causal-proximal"] as const;
export type Figure3Protocol = (typeof FIGURE3_PROTOCOLS)[number];

/** End-to-end losses of one seed, M2* o M1^0 = 100. */
export type Figure3Seed = Readonly<Record<Figure3Protocol, Readonly<Record<Upstream, number>>>>;

export interface Figure3 {
  readonly experiment: "figure3";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & { readonly protocol: Figure3Protocol; readonly upstream: Upstream })[];
}

/**
 * Measures the pipeline's held-out loss for every protocol of M2 and every snapshot of M1 (Modi et al. 2023, Figure 3).
 * Sync retrains M2 on every snapshot of M1; all others train it once, on M1^0.
 */
export async function figure3Of(stage: TwoStage): Promise<Figure3Seed> {
  const { lab, m1 } = stage;
  const whole = await lab.oracleLoss("m2", { m1: m1.initial });
  const across = async (loss: (upstream: Upstream) => Promise<number>) => ({
    initial: 100 * ((await loss("initial")) / whole),
    incremental: 100 * ((await loss("incremental")) / whole),
    consistent: 100 * ((await loss("consistent")) / whole),
  });
  const trainedOnInitial = async (protocol: string) => {
    const m2 = await stage.downstream(protocol);
    return across((upstream) => lab.loss("m2", { m1: m1[upstream], m2 }));
  };
  const retrained = async (upstream: Upstream) => {
    // On M1^0, sync and async are the same training (stated in the paper).
    const m2 = await (upstream === "initial" ? stage.downstream("async") : stage.downstream("sync", m1[upstream]));
    return lab.loss("m2", { m1: m1[upstream], m2 });
  };
  return {
    oracle: await across((upstream) => lab.oracleLoss("m2", { m1: m1[upstream] })),
    sync: await across(retrained),
    async: await trainedOnInitial("async"),
    proximal: await trainedOnInitial("proximal"),
    causal: await trainedOnInitial("causal"),
    "causal-proximal": await trainedOnInitial("causal-proximal"),
  };
}

export function figure3(seeds: readonly number[], perSeed: readonly Figure3Seed[]): Figure3 {
  const rows = FIGURE3_PROTOCOLS.flatMap((protocol) =>
    UPSTREAMS.map((upstream) => ({
      protocol,
      upstream,
      ...summarize(perSeed.map((seed) => seed[protocol][upstream])),
    })),
  );
  return { experiment: "figure3", seeds, rows };
}

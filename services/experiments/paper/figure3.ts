import { type Summary, summarize } from "../lab/statistics.ts";
import { GATED_PROTOCOLS, type GatedProtocol, gateStage } from "./gated-protocols.ts";
import { type TwoStage, UPSTREAMS, type Upstream } from "./two-stage.ts";

export const FIGURE3_PROTOCOLS = [
  "oracle",
  "sync",
  "async",
  "proximal",
  "causal",
  "causal-proximal",
  ...GATED_PROTOCOLS,
] as const;
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
 * Sync retrains M2 on every snapshot of M1; the ungated ones train it once, on M1^0. With a gate, the snapshots of M1 arrive one
 * after the other, and the loss is that of what is released after each.
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
  const retrained = async (upstream: Upstream) =>
    lab.loss("m2", { m1: m1[upstream], m2: await stage.retrained(m1[upstream], 1) });
  const gates = gateStage(stage);
  const gated = async (protocol: GatedProtocol) => {
    const pipeline = await gates.open(protocol);
    return across(async (upstream) => {
      if (upstream !== "initial") await pipeline.update(m1[upstream]);
      return lab.loss("m2", pipeline.models());
    });
  };
  return {
    oracle: await across((upstream) => lab.oracleLoss("m2", { m1: m1[upstream] })),
    sync: await across(retrained),
    async: await trainedOnInitial("async"),
    proximal: await trainedOnInitial("proximal"),
    causal: await trainedOnInitial("causal"),
    "causal-proximal": await trainedOnInitial("causal-proximal"),
    rejection: await gated("rejection"),
    "gate-sets": await gated("gate-sets"),
    "co-training": await gated("co-training"),
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

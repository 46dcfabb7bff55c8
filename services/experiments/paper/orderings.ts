import type { Figure3, Figure3Protocol } from "./figure3.ts";
import type { Upstream } from "./two-stage.ts";

/** Counts the seeds in which each ordering that the paper derives from its Figure 3 held, by claim. */
export function countOrderings({ seeds, rows }: Figure3): Readonly<Record<string, number>> {
  const value = (protocol: Figure3Protocol, upstream: Upstream, seed: number): number =>
    rows.find((row) => row.protocol === protocol && row.upstream === upstream)?.values[seed] as number;
  const count = (holds: (at: (protocol: Figure3Protocol, upstream: Upstream) => number) => boolean) =>
    seeds.filter((_, seed) => holds((protocol, upstream) => value(protocol, upstream, seed))).length;
  const improves = (protocol: Figure3Protocol) => count((at) => at(protocol, "incremental") < at(protocol, "initial"));
  return {
    "initial: async below causal": count((at) => at("async", "initial") < at("causal", "initial")),
    "initial: causal within 2 of 100": count((at) => Math.abs(at("causal", "initial") - 100) < 2),
    "initial: proximal below 1.1 async": count((at) => at("proximal", "initial") < 1.1 * at("async", "initial")),
    "consistent: causal below 2 sync": count((at) => at("causal", "consistent") < 2 * at("sync", "consistent")),
    "consistent: causal below 10": count((at) => at("causal", "consistent") < 10),
    "consistent: causal below proximal": count((at) => at("causal", "consistent") < at("proximal", "consistent")),
    "consistent: proximal below async": count((at) => at("proximal", "consistent") < at("async", "consistent")),
    "incremental: sync best": count((at) =>
      (["async", "proximal", "causal"] as const).every((other) => at("sync", "incremental") < at(other, "incremental")),
    ),
    "incremental: causal improves": improves("causal"),
    "incremental: sync improves": improves("sync"),
    "incremental: proximal improves": improves("proximal"),
    "incremental: async improves": improves("async"),
  };
}

/** Mean over seeds. */
export function meanOf({ rows }: Figure3, protocol: Figure3Protocol, upstream: Upstream): number {
  return rows.find((row) => row.protocol === protocol && row.upstream === upstream)?.mean as number;
}

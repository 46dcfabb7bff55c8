import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import { dense } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import { STUDENT, type TwoStage } from "../paper/two-stage.ts";

/** M1^0 by the number of hidden ReLU units between x1 and its three outputs; `linear` has none. */
export const BOTTLENECKS = { linear: dense(), "2 units": dense(2), "1 unit": dense(1) } as const;
export type Bottleneck = keyof typeof BOTTLENECKS;
export const SUPPORT_PROTOCOLS = ["causal", "causal-proximal"] as const;

export interface SupportLoss {
  readonly bottleneck: Bottleneck;
  readonly protocol: (typeof SUPPORT_PROTOCOLS)[number];
  /** End-to-end loss with the consistent M1, where M2* o M1^0 = 100. */
  readonly loss: number;
  /** Warnings of the support check before training. */
  readonly warnings: readonly string[];
}

export interface Support {
  readonly experiment: "support";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary &
    Pick<SupportLoss, "bottleneck" | "protocol"> & {
      /** Number of seeds in which the support check warned. */
      readonly warned: number;
    })[];
}

const SIGMA = 0.5;

/**
 * Measures causal training if the output of M1^0 does not cover its space, and whether the support check warns
 * beforehand.
 */
export async function supportOf({ lab, m1, sizes }: TwoStage): Promise<readonly SupportLoss[]> {
  const losses: SupportLoss[] = [];
  for (const bottleneck of Object.keys(BOTTLENECKS) as Bottleneck[]) {
    const initial = await lab.train("m1", { model: BOTTLENECKS[bottleneck], steps: sizes.consistentSteps }, {});
    const unit = (await lab.oracleLoss("m2", { m1: initial })) / 100;
    for (const protocol of SUPPORT_PROTOCOLS) {
      const warnings: string[] = [];
      const parameters = protocol === "causal" ? {} : { sigma: SIGMA };
      const recipe = {
        model: STUDENT,
        steps: sizes.downstreamSteps,
        protocol: protocolSpec(protocol, { source: "oracle", ...parameters }),
        onWarning: (message: string) => void warnings.push(message),
      };
      const m2 = await lab.train("m2", recipe, { m1: initial });
      const loss = (await lab.loss("m2", { m1: m1.consistent, m2 })) / unit;
      losses.push({ bottleneck, protocol, loss, warnings });
    }
  }
  return losses;
}

export function support(seeds: readonly number[], perSeed: readonly (readonly SupportLoss[])[]): Support {
  return {
    experiment: "support",
    seeds,
    rows: (perSeed[0] ?? []).map(({ bottleneck, protocol }, at) => ({
      bottleneck,
      protocol,
      warned: perSeed.filter((losses) => (losses[at]?.warnings.length ?? 0) > 0).length,
      ...summarize(perSeed.map((losses) => losses[at]?.loss ?? Number.NaN)),
    })),
  };
}

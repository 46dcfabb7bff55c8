import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { Component, Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { type Lab, openLab } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import {
  firstStage,
  SECOND_STAGE,
  type Sizes,
  STUDENT,
  trainUpstreams,
  UPSTREAMS,
  type Upstream,
} from "../paper/two-stage.ts";

const ACTIONS = 4;
const AUDITED = 300;

/** The rewards that M2 observes: of every action, or of the action taken (logged-bandit data). */
export const FEEDBACKS = ["full", "logged"] as const;
export type Feedback = (typeof FEEDBACKS)[number];
export const POLICY_PROTOCOLS = ["async", "causal", "causal-audited", "sync"] as const;
export type PolicyProtocol = (typeof POLICY_PROTOCOLS)[number];

export interface PolicyRegret {
  readonly feedback: Feedback;
  readonly protocol: PolicyProtocol;
  readonly upstream: Upstream;
  readonly regret: number;
}

export interface Policy {
  readonly experiment: "policy";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & Omit<PolicyRegret, "regret">)[];
}

/** The paper's pipeline, with an M2 that chooses one of four actions. */
export function policyPipeline(
  seed: number,
  rows: number,
  feedback: Feedback,
): Pipeline & { readonly data: SyntheticSource } {
  const m2: Component = {
    ...SECOND_STAGE,
    output: { name: "p", width: ACTIONS, meaning: "probabilities" },
    loss: "policy",
    ...(feedback === "full"
      ? { target: "rewards" }
      : { target: "reward", logged: { action: "action", propensity: "propensity" } }),
  };
  return {
    name: "policy",
    components: [firstStage(3), m2],
    objective: "m2",
    data: { source: "synthetic", generator: "policy", seed, rows: 2 * rows, testFraction: 0.5 },
  };
}

/**
 * Measures the regret of a decision-making M2 (the paper's "Y softmax(Yhat)") under every protocol and snapshot of M1:
 * the reward of the best action minus the expected reward of the policy, on the held-out rows. Unit: the regret of
 * choosing by M2*(x2, M1^0(x1)) is 100. `causal` gets ytilde from the oracle, `causal-audited` from 300 audited rows.
 */
export async function policyOf(
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
): Promise<readonly PolicyRegret[]> {
  const regrets: PolicyRegret[] = [];
  for (const feedback of FEEDBACKS) {
    const pipeline = policyPipeline(seed, sizes.rows, feedback);
    const source = createSyntheticSource(pipeline.data);
    const rewards = (await source.heldOutRows(["rewards"])).table.columns.rewards as { values: Float32Array };
    const lab = await openLab(pipeline, source, engine, seed, signal);
    try {
      regrets.push(...(await regretsOf(lab, sizes, feedback, rewards.values)));
    } finally {
      await lab.close();
    }
  }
  return regrets;
}

async function regretsOf(
  lab: Lab,
  sizes: Sizes,
  feedback: Feedback,
  rewards: Float32Array,
): Promise<readonly PolicyRegret[]> {
  const m1 = await trainUpstreams(lab, sizes);
  const unit = regretOf(greedy(await lab.oracle("m2", { m1: m1.initial })), rewards) / 100;
  const regrets: PolicyRegret[] = [];
  const train = (protocol: PolicyProtocol, upstream: Upstream) => {
    const audited = protocol === "causal-audited";
    return lab.train(
      "m2",
      {
        model: STUDENT,
        steps: sizes.downstreamSteps,
        protocol:
          protocol === "async" || protocol === "sync"
            ? protocolSpec(protocol)
            : protocolSpec("causal", { source: audited ? "pooled" : "oracle" }),
        ...(audited && { audit: { rows: AUDITED, columns: ["z"] } }),
      },
      { m1: m1[upstream] },
    );
  };
  for (const protocol of POLICY_PROTOCOLS) {
    let m2 = await train(protocol, "initial");
    for (const upstream of UPSTREAMS) {
      if (protocol === "sync" && upstream !== "initial") m2 = await train(protocol, upstream);
      const probabilities = await lab.predict("m2", { m1: m1[upstream], m2 });
      regrets.push({ feedback, protocol, upstream, regret: regretOf(probabilities, rewards) / unit });
    }
  }
  return regrets;
}

/** @param probabilities of every action, [rows * actions] @returns mean over rows, in units of the reward */
function regretOf(probabilities: Float32Array, rewards: Float32Array): number {
  let regret = 0;
  for (let start = 0; start < rewards.length; start += ACTIONS) {
    let best = Number.NEGATIVE_INFINITY;
    for (let a = start; a < start + ACTIONS; a++) {
      best = Math.max(best, rewards[a] as number);
      regret -= (probabilities[a] as number) * (rewards[a] as number);
    }
    regret += best;
  }
  return (regret * ACTIONS) / rewards.length;
}

function greedy(values: Float32Array): Float32Array {
  const probabilities = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += ACTIONS) {
    let best = start;
    for (let a = start + 1; a < start + ACTIONS; a++) if ((values[a] as number) > (values[best] as number)) best = a;
    probabilities[best] = 1;
  }
  return probabilities;
}

export function policy(seeds: readonly number[], perSeed: readonly (readonly PolicyRegret[])[]): Policy {
  return {
    experiment: "policy",
    seeds,
    rows: (perSeed[0] ?? []).map(({ feedback, protocol, upstream }, at) => ({
      feedback,
      protocol,
      upstream,
      ...summarize(perSeed.map((regrets) => regrets[at]?.regret ?? Number.NaN)),
    })),
  };
}

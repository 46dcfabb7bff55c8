import { square } from "../../common/elementary.ts";
import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { dense, openLab } from "../lab/lab.ts";
import * as quadraticModel from "./quadratic-model.ts";
import { firstStage, SECOND_STAGE } from "./two-stage.ts";

export interface Figure1 {
  readonly experiment: "figure1";
  readonly a: number;
  readonly b: number;
  /** Held-out end-to-end mean squared errors. */
  readonly losses: {
    /** An M2 that ignores z, with any M1. */
    readonly blind: number;
    /** M2 trained async on the linear M1^0, composed with M1^0. */
    readonly async_initial: number;
    /** The same M2, composed with the true M1. */
    readonly async_true: number;
    /** M2 trained causally on M1^0, composed with the true M1. */
    readonly causal_true: number;
    /** M2*, composed with M1^0. */
    readonly oracle_initial: number;
  };
  /** Whether the coupled M2 with the true M1 is worse than an M2 that ignores z, as in the paper's A/B test. */
  readonly selfDefeating: boolean;
}

/**
 * The expected losses of Figure 1 in closed form, for x1 ~ U(-1, 1), z = a x1^2 + b x1, y = x2 + z, with M2 in the span
 * of 1, x2, zhat, zhat^2. With r = a / b: blind b^2 / 3 + 4 a^2 / 45; M2* o M1^0 the error of M1^0, 4 a^2 / 45; async
 * with the true M1 b^2 r^2 (4 / 45 + 208 r^2 / 945 + 16 r^4 / 945).
 */
export function figure1ClosedForm(a: number, b: number): Figure1["losses"] {
  const [a2, b2, r2] = [a * a, b * b, square(a / b)];
  return {
    blind: b2 / 3 + (4 * a2) / 45,
    async_initial: 0,
    async_true: b2 * r2 * (4 / 45 + (208 * r2) / 945 + (16 * r2 * r2) / 945),
    causal_true: 0,
    oracle_initial: (4 * a2) / 45,
  };
}

const ROWS = 20_000;
const STEPS = 2_000;
const QUADRATIC = { model: { kind: "module", path: "quadratic-model" }, module: quadraticModel } as const;

/** Trains the pipelines of Figure 1 (Modi et al. 2023) and measures them. */
export async function figure1(a: number, b: number, seed: number, engine: Engine): Promise<Figure1> {
  const data: SyntheticSource = {
    source: "synthetic",
    generator: "figure1",
    seed,
    rows: 2 * ROWS,
    testFraction: 0.5,
    parameters: { a, b },
  };
  const pipeline: Pipeline = { name: "figure1", components: [firstStage(1), SECOND_STAGE], objective: "m2", data };
  const blindPipeline: Pipeline = { ...pipeline, components: [{ ...SECOND_STAGE, upstream: [] }] };

  const lab = await openLab(pipeline, createSyntheticSource(data), engine, seed);
  const blindLab = await openLab(blindPipeline, createSyntheticSource(data), engine, seed);
  try {
    const initial = await lab.train("m1", { model: dense(), steps: STEPS }, {});
    const downstream = (protocol: string) =>
      lab.train("m2", { ...QUADRATIC, steps: STEPS, protocol: protocolSpec(protocol) }, { m1: initial });
    const async = await downstream("async");
    const causal = await downstream("causal");
    const blind = await blindLab.train("m2", { ...QUADRATIC, steps: STEPS }, {});
    const losses = {
      blind: await blindLab.loss("m2", { m2: blind }),
      async_initial: await lab.loss("m2", { m1: initial, m2: async }),
      async_true: await lab.loss("m2", { m1: lab.truth("z"), m2: async }),
      causal_true: await lab.loss("m2", { m1: lab.truth("z"), m2: causal }),
      oracle_initial: await lab.oracleLoss("m2", { m1: initial }),
    };
    return { experiment: "figure1", a, b, losses, selfDefeating: losses.async_true > losses.blind };
  } finally {
    await Promise.all([lab.close(), blindLab.close()]);
  }
}

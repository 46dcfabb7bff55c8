import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { DEFAULT_GATE } from "../../pipeline/gate.ts";
import { openLabGate } from "../gated/lab-gate.ts";
import { divideLab } from "../gated/lab-parts.ts";
import type { Models } from "../lab/lab.ts";
import type { TwoStage } from "./two-stage.ts";

/**
 * Async training with a gate. `rejection`: the paper's async protocol in full, M2 trained once, and updates of M1 rejected that
 * the measured pipeline loss does not show to be better. `gate-sets`: M2 follows what is released, and snapshots may move
 * together. `co-training`: and M2 is retrained on updates of M1 that are held.
 */
export const GATED_PROTOCOLS = ["rejection", "gate-sets", "co-training"] as const;
export type GatedProtocol = (typeof GATED_PROTOCOLS)[number];

/** More than the one or two updates of M1 that an experiment tries can ask. */
const HORIZON = 20;

/** The paper's pipeline under a gate, from M1^0 and an M2 trained on it. */
export interface GatedTwoStage {
  /**
   * An M1 arrives. Gate and teams act until nothing is left to do.
   * @returns whether it is released in the end
   */
  update(m1: SnapshotModel): Promise<boolean>;
  /** The models in use. */
  models(): Models;
}

/** Opens pipelines under a gate, all of them on the same rows and models. */
export interface GatedStage {
  open(protocol: GatedProtocol): Promise<GatedTwoStage>;
  /** The pipeline's loss on the held-out rows that no gate asks. */
  unseenLoss(models: Models): Promise<number>;
}

export function gateStage(stage: TwoStage): GatedStage {
  const parts = divideLab(stage.lab, DEFAULT_GATE.split);
  const retrain = (_consumer: string, upstream: Models, attempt: number) =>
    stage.retrained(upstream.m1 as SnapshotModel, attempt);
  return {
    unseenLoss: parts.unseenLoss,
    async open(protocol) {
      const first = { m1: stage.m1.initial, m2: await stage.downstream("async") };
      const sets = protocol !== "rejection";
      const cotrains = protocol === "co-training";
      const gate = openLabGate(stage.lab, first, { parts, horizon: HORIZON, sets, ...(cotrains && { retrain }) });
      return {
        models: gate.models,
        async update(m1) {
          const before = gate.released().m1;
          const serial = await gate.announce("m1", m1, {});
          const pin = gate.released().m1 as number;
          // A trainer trains on what is released, once that has changed.
          if (protocol !== "rejection" && pin !== before && gate.trainedOn("m2").m1 !== pin) {
            await gate.announce("m2", await stage.retrained(gate.models().m1 as SnapshotModel, 1), { m1: pin });
          }
          return gate.released().m1 === serial;
        },
      };
    },
  };
}

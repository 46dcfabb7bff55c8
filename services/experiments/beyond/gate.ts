import { mean } from "../../common/statistics.ts";
import { createRandom } from "../../data/random/random.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { DEFAULT_GATE } from "../../pipeline/gate.ts";
import { MAX_CANDIDATE_ATTEMPTS } from "../../releases/cotraining.ts";
import { openLabGate } from "../gated/lab-gate.ts";
import { divideLab, type LabParts } from "../gated/lab-parts.ts";
import { dense, type Models } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import { openTwoStage, type Sizes, type TwoStage } from "../paper/two-stage.ts";

/**
 * What releases updates. `none`: every update is in use at once. `gate`: each is decided alone. `gate-sets`: snapshots may move
 * together. `co-training`: and M2 is retrained on updates of M1 that are held.
 */
export const GATE_POLICIES = ["none", "gate", "gate-sets", "co-training"] as const;
export type GatePolicyName = (typeof GATE_POLICIES)[number];

/** At each, one of the teams trains; a person who expects so many declares about two questions for each. */
export const TICKS = 24;
/**
 * Held-out rows for each training row. Where a few rows have most of the difference, a gate needs many to be sure: with 1, it
 * holds some updates that halve the loss.
 */
const HELD_OUT = 3;
/** Of the trainings of M2's team: none of them repeats one that the gate asks for. */
const FIRST_ATTEMPT = MAX_CANDIDATE_ATTEMPTS + 1;
/** Hidden units of the M1s: ever larger model classes. M1* has 8. */
const NARROWEST = 3;
const WIDEST = 64;

/** The pipeline's loss after each tick, from 0 on, on held-out rows that the gate never asks; M2* o M1^0 = 100. */
export type GateSeed = Readonly<Record<GatePolicyName, readonly number[]>>;

export interface Gate {
  readonly experiment: "gate";
  readonly seeds: readonly number[];
  readonly rows: readonly GateRow[];
}

export interface GateRow {
  readonly policy: GatePolicyName;
  /** After the last tick. */
  readonly final: Summary;
  /** Mean over the ticks: what users felt. */
  readonly felt: Summary;
  /** The highest of all ticks. */
  readonly worst: Summary;
  /** After each tick, from 0 on; means over seeds. */
  readonly losses: readonly number[];
}

/** What a team does at a tick, whatever is released. */
interface Turn {
  readonly team: "m1" | "m2";
  /** A better M1; none if the one that was trained is not better. */
  readonly m1?: SnapshotModel;
}

/** A pipeline that updates reach. */
interface Target {
  /** What M2's trainer trains on. */
  pinned(): SnapshotModel;
  announceM1(model: SnapshotModel): Promise<void>;
  announceM2(model: SnapshotModel): Promise<void>;
  models(): Models;
}

/**
 * Lets both teams of the paper's pipeline publish in random order, one at a tick: M1s of ever larger model classes that
 * are better by M1's own loss, and M2s trained async, each with another seed, on the M1 that is in use. All policies get the same M1s.
 */
export async function gateOf(
  seed: number,
  ticks: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
): Promise<GateSeed> {
  const stage = await openTwoStage(seed, { ...sizes, heldOutRows: HELD_OUT * sizes.rows }, engine, signal);
  try {
    return await runPolicies(stage, await takeTurns(stage, seed, ticks));
  } finally {
    await stage.lab.close();
  }
}

async function runPolicies(stage: TwoStage, turns: readonly Turn[]): Promise<GateSeed> {
  const parts = divideLab(stage.lab, DEFAULT_GATE.split);
  const unit = (await stage.lab.oracleLoss("m2", { m1: stage.m1.initial })) / 100;
  const run = async (policy: GatePolicyName): Promise<readonly number[]> => {
    const target = await openTarget(stage, parts, policy, 2 * turns.length);
    const lossNow = async () => (await parts.unseenLoss(target.models())) / unit;
    const losses = [await lossNow()];
    for (const [at, { team, m1 }] of turns.entries()) {
      if (m1 !== undefined) await target.announceM1(m1);
      if (team === "m2") await target.announceM2(await stage.retrained(target.pinned(), FIRST_ATTEMPT + at));
      losses.push(await lossNow());
    }
    return losses;
  };
  return {
    none: await run("none"),
    gate: await run("gate"),
    "gate-sets": await run("gate-sets"),
    "co-training": await run("co-training"),
  };
}

async function takeTurns({ lab, m1, sizes }: TwoStage, seed: number, ticks: number): Promise<readonly Turn[]> {
  const random = createRandom(seed, "gate-turns");
  const teams = Array.from({ length: ticks }, () => (random.uniform() < 0.5 ? "m1" : "m2"));
  const widths = Float64Array.from(teams, () => NARROWEST + random.below(WIDEST - NARROWEST + 1)).sort();
  const turns: Turn[] = [];
  let best = await lab.loss("m1", { m1: m1.initial });
  for (const [at, team] of teams.entries()) {
    if (team === "m2") {
      turns.push({ team });
      continue;
    }
    const model = dense(widths[at] as number);
    const trained = await lab.train("m1", { model, steps: sizes.consistentSteps, seedOffset: at }, {});
    const loss = await lab.loss("m1", { m1: trained });
    // A team publishes what is better by its own loss.
    turns.push({ team, ...(loss < best && { m1: trained }) });
    best = Math.min(best, loss);
  }
  return turns;
}

async function openTarget(stage: TwoStage, parts: LabParts, policy: GatePolicyName, horizon: number): Promise<Target> {
  const first = { m1: stage.m1.initial, m2: await stage.downstream("async") };
  if (policy === "none") return openUngated(first);
  const retrain = (_consumer: string, upstream: Models, attempt: number) =>
    stage.retrained(upstream.m1 as SnapshotModel, attempt);
  const gate = openLabGate(stage.lab, first, {
    parts,
    horizon,
    sets: policy !== "gate",
    ...(policy === "co-training" && { retrain }),
  });
  return {
    pinned: () => gate.models().m1 as SnapshotModel,
    models: gate.models,
    async announceM1(model) {
      await gate.announce("m1", model, {});
    },
    async announceM2(model) {
      await gate.announce("m2", model, { m1: gate.released().m1 as number });
    },
  };
}

function openUngated(first: Models): Target {
  let models = first;
  return {
    pinned: () => models.m1 as SnapshotModel,
    models: () => models,
    async announceM1(m1) {
      models = { ...models, m1 };
    },
    async announceM2(m2) {
      models = { ...models, m2 };
    },
  };
}

export function gate(seeds: readonly number[], perSeed: readonly GateSeed[]): Gate {
  const rows = GATE_POLICIES.map((policy) => {
    const runs = perSeed.map((seed) => seed[policy]);
    return {
      policy,
      final: summarize(runs.map((losses) => losses.at(-1) as number)),
      felt: summarize(runs.map((losses) => mean(losses.slice(1)))),
      worst: summarize(runs.map((losses) => Math.max(...losses.slice(1)))),
      losses: (runs[0] ?? []).map((_, tick) => mean(runs.map((losses) => losses[tick] as number))),
    };
  });
  return { experiment: "gate", seeds, rows };
}

import { exp, log } from "../../common/elementary.ts";
import { mean } from "../../common/statistics.ts";
import type { LossRecord, PolicyRun, SnapshotRecord } from "../records/policy-run.ts";

/** What one run of a policy comes to. Losses are normalized: 0 is the irreducible loss, 100 that of the start. */
export interface RunMeasures {
  /** Pipeline loss of what is in use, averaged over time. */
  readonly meanLoss: number;
  /** The same with the geometric mean, in which halving the loss counts the same wherever it is; losses below 0.01 count as 0.01. */
  readonly geometricMeanLoss: number;
  readonly finalLoss: number;
  /** The loss at each tick, [ticks + 1]. */
  readonly series: readonly number[];
  /** Excess over the lowest loss that any policy has at any tick of the seed, summed over ticks. */
  readonly regret: number;
  /** Ticks until the loss is first within 5 of that lowest loss; all ticks if it never is. */
  readonly timeToBest: number;
  /** Snapshots that came into use. */
  readonly deployments: number;
  /** Those whose verdicts say that they degrade the pipeline, self-defeating ones included. */
  readonly degrading: number;
  /** Those among them whose own loss improved. */
  readonly selfDefeating: number;
  readonly rejected: number;
  readonly held: number;
  readonly superseded: number;
  /** Rejected and held snapshots whose own loss improved. */
  readonly rejectedGood: number;
  /** Teams that trained at least twice in the last quarter, and none of whose snapshots came into use in it. */
  readonly deadlocks: number;
  /** Trainings that no team wished: those that a release train or a gate asked for. */
  readonly retrainings: number;
  /** Training steps, of all trainings. */
  readonly steps: number;
  /** Mean over wishes of the ticks from the wish until its snapshot was settled that were neither training nor deployment. */
  readonly waitingTicks: number;
  /** The largest rise of the loss above the lowest before it. */
  readonly worstSpike: number;
  /** Ticks from that rise until nine tenths of it are undone; to the end if they never are. */
  readonly recoveryTicks: number;
  /** Mean over trained snapshots of the age of what they were trained on: ticks since it was replaced. */
  readonly staleness: number;
  /** Sum over edges of what annotated upstream outputs would change the final loss by; negative: they would improve it. */
  readonly gap: number;
}

export const LOWEST_LOSS = 0.01;
const WITHIN = 5;
const RECOVERED = 0.9;

/** @param best the lowest loss that any policy has at any tick of the seed */
export function measureRun(run: PolicyRun, ticks: number, best: number): RunMeasures {
  const { losses, snapshots, wishes } = run;
  const series = lossSeries(losses, ticks);
  const deployed = snapshots.filter(({ fate }) => fate === "deployed");
  const refused = snapshots.filter(({ fate }) => fate === "rejected" || fate === "held");
  const within = series.findIndex((loss) => loss <= best + WITHIN);
  return {
    meanLoss: averaged(losses, ticks, (loss) => loss),
    geometricMeanLoss: exp(averaged(losses, ticks, (loss) => log(Math.max(loss, LOWEST_LOSS)))),
    finalLoss: series.at(-1) as number,
    series,
    regret: series.reduce((sum, loss) => sum + loss - best, 0),
    timeToBest: within < 0 ? ticks : within,
    deployments: deployed.length,
    degrading: deployed.filter(isDegrading).length,
    selfDefeating: deployed.filter(({ verdict }) => verdict?.kind === "self-defeating").length,
    rejected: snapshots.filter(({ fate }) => fate === "rejected").length,
    held: snapshots.filter(({ fate }) => fate === "held").length,
    superseded: snapshots.filter(({ fate }) => fate === "superseded").length,
    rejectedGood: refused.filter(({ verdict }) => verdict?.ownImproved === true).length,
    deadlocks: deadlocksOf(snapshots, ticks),
    retrainings: snapshots.filter(({ cause }) => cause === "forced" || cause === "candidate").length,
    steps: snapshots.reduce((sum, snapshot) => sum + snapshot.steps, 0),
    waitingTicks: meanOrZero(wishes.map(({ waited }) => waited)),
    ...spikeOf(losses, ticks),
    staleness: meanOrZero(snapshots.map(({ staleness }) => staleness)),
    gap: run.gaps.reduce((sum, { gap }) => sum + gap, 0),
  };
}

/** The loss in use at each tick, [ticks + 1]. */
export function lossSeries(losses: readonly LossRecord[], ticks: number): readonly number[] {
  const series: number[] = [];
  let place = 0;
  for (let tick = 0; tick <= ticks; tick++) {
    while ((losses[place + 1]?.at ?? Number.POSITIVE_INFINITY) <= tick) place += 1;
    series.push((losses[place] as LossRecord).loss);
  }
  return series;
}

function isDegrading({ verdict }: SnapshotRecord): boolean {
  return verdict?.kind === "degraded" || verdict?.kind === "self-defeating";
}

/** The mean over time of a function of the loss. */
function averaged(losses: readonly LossRecord[], ticks: number, of: (loss: number) => number): number {
  let sum = 0;
  for (const [place, { at, loss }] of losses.entries()) sum += ((losses[place + 1]?.at ?? ticks) - at) * of(loss);
  return sum / ticks;
}

function deadlocksOf(snapshots: readonly SnapshotRecord[], ticks: number): number {
  const from = 0.75 * ticks;
  const trained = new Map<string, number>();
  const moved = new Set<string>();
  for (const { component, readyAt, fate, settledAt } of snapshots) {
    if (readyAt >= from) trained.set(component, (trained.get(component) ?? 0) + 1);
    if (fate === "deployed" && settledAt >= from) moved.add(component);
  }
  return [...trained].filter(([component, count]) => count >= 2 && !moved.has(component)).length;
}

function spikeOf(losses: readonly LossRecord[], ticks: number): Pick<RunMeasures, "worstSpike" | "recoveryTicks"> {
  let lowest = Number.POSITIVE_INFINITY;
  let worst = { rise: 0, before: 0, place: 0 };
  for (const [place, { loss }] of losses.entries()) {
    if (loss - lowest > worst.rise) worst = { rise: loss - lowest, before: lowest, place };
    lowest = Math.min(lowest, loss);
  }
  if (worst.rise === 0) return { worstSpike: 0, recoveryTicks: 0 };
  const level = worst.before + (1 - RECOVERED) * worst.rise;
  const recovered = losses.slice(worst.place).find(({ loss }) => loss <= level);
  return { worstSpike: worst.rise, recoveryTicks: (recovered?.at ?? ticks) - (losses[worst.place] as LossRecord).at };
}

function meanOrZero(values: readonly number[]): number {
  return values.length === 0 ? 0 : mean(values);
}

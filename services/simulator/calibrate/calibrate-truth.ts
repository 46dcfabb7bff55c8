import { log, square } from "../../common/elementary.ts";
import { mean } from "../../common/statistics.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { createPartRunner } from "../jobs/part-runner.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario, TruthSpec } from "../scenario/scenario.ts";
import { scenarioPipeline } from "../scenario/scenario-pipeline.ts";
import { stagesOf } from "../scenario/stages.ts";
import { effectsOf, type UpdateEffects } from "./history.ts";

export interface CalibratedTruth {
  readonly truth: TruthSpec;
  /** What updates do under it, in a trial with the policy `async`. */
  readonly simulated: UpdateEffects;
}

/** The keys of `truth` that decide what updates do: how much a component depends on what it reads, and how much cannot be predicted. */
const COUPLINGS = [0.5, 1, 2, 4];
const NOISES = [0, 0.5, 1];
/** Of all teams, about. */
const TRIAL_UPDATES = 60;
/** Differences that count as much as one another: a factor of 2 in size, a quarter of all updates, a quarter of the loss. */
const SHARE_SCALE = 0.25;

/**
 * Chooses the coupling and the noise with which updates under `async` do what was measured, by simulating each pair of
 * values for some 60 updates. Deterministic in its arguments.
 *
 * @param scenario has the teams, the cadence and the first seed of the trials
 * @throws UncoupleError as `simulatePolicy`; the reason of the signal once it is aborted
 */
export async function calibrateTruth(
  scenario: Scenario,
  measured: UpdateEffects,
  engine: Engine,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<CalibratedTruth> {
  const { teams, cadence, seeds } = scenario;
  const updatesPerTick = teams.reduce((sum, { every = cadence.every }) => sum + 1 / every, 0);
  const ticks = Math.max(2, Math.ceil(TRIAL_UPDATES / updatesPerTick));
  const candidates = COUPLINGS.flatMap((coupling) =>
    NOISES.map((noise): TruthSpec => ({ ...scenario.truth, coupling, noise })),
  );
  let best: (CalibratedTruth & { readonly distance: number }) | undefined;
  for (const [at, truth] of candidates.entries()) {
    onProgress(at, candidates.length);
    const trial = { ...scenario, truth, ticks };
    const part = { seed: seeds[0] as number, policy: "async" };
    const simulated = effectsOfRun(trial, await createPartRunner(trial, engine).run(part, signal, () => {}));
    const distance = distanceOf(simulated, measured);
    if (best === undefined || distance < best.distance) best = { truth, simulated, distance };
  }
  onProgress(candidates.length, candidates.length);
  const { truth, simulated } = best as CalibratedTruth;
  return { truth, simulated };
}

/** What updates did in a run of a scenario, by the measures of a verdict log. */
export function effectsOfRun(scenario: Scenario, run: PolicyRun): UpdateEffects {
  const { irreducible, unit, losses, snapshots, gaps } = run;
  const changes = snapshots.flatMap(({ component, verdict }) =>
    verdict === null || verdict.changes === null ? [] : [{ component, ...verdict.changes }],
  );
  const scale = (unit - irreducible) / 100;
  const inUse = irreducible + scale * (losses.at(-1)?.loss ?? 100);
  const gap = gaps.length === 0 ? null : (scale * mean(gaps.map((one) => one.observed))) / inUse;
  return effectsOf(scenarioPipeline(scenario, stagesOf(scenario)[0], run.seed), changes, gap);
}

/** 0 if all that both know is equal. */
function distanceOf(a: UpdateEffects, b: UpdateEffects): number {
  const both = (key: keyof UpdateEffects, difference: (x: number, y: number) => number) => {
    const [x, y] = [a[key], b[key]];
    return x === null || y === null ? 0 : square(difference(x, y));
  };
  const share = (x: number, y: number) => (x - y) / SHARE_SCALE;
  const doublings = (x: number, y: number) => (x > 0 && y > 0 ? log(x / y) / Math.LN2 : share(x, y));
  return both("size", doublings) + both("harmful", share) + both("gap", share);
}

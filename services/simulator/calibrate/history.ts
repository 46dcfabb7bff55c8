import { mean, median, sampleVariance } from "../../common/statistics.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { ConsistencyGap, Verdict } from "../../pipeline/verdict.ts";
import { changesOf, type LossChanges } from "../../verdicts/alignment.ts";
import type { CADENCES } from "../scenario/scenario.ts";

/** What updates do to a pipeline, in figures that a verdict log and a simulation both have; null if there are too few. */
export interface UpdateEffects {
  /** Median size of the change of the pipeline loss with an update, as a fraction of the current loss. */
  readonly size: number | null;
  /**
   * Share of the updates with a better loss of their own with which the pipeline loss rose, as `uncouple alignment` counts
   * them: 0 if all components are aligned (docs/science.md). Without the updates of a sole objective, whose own loss is the
   * pipeline loss.
   */
  readonly harmful: number | null;
  /** Mean consistency gap of an edge, as a fraction of the current loss. */
  readonly gap: number | null;
}

/** What one update changed. */
export interface ComponentChange extends LossChanges {
  readonly component: string;
}

/** What a verdict log tells about an organization. */
export interface PipelineHistory extends UpdateEffects {
  readonly verdicts: number;
  readonly tick: Tick;
  readonly cadence: (typeof CADENCES)[number];
  /** Mean ticks between two updates of a component, by component; absent with fewer than two updates. */
  readonly every: ReadonlyMap<string, number>;
  /** Share of updates whose own loss got worse by at least half, which its interval confirms. */
  readonly badReleases: number;
}

export interface Tick {
  readonly name: string;
  readonly seconds: number;
}

const SHORTEST: Tick = { name: "second", seconds: 1 };
const TICKS: readonly Tick[] = [
  { name: "week", seconds: 604_800 },
  { name: "day", seconds: 86_400 },
  { name: "hour", seconds: 3_600 },
  { name: "minute", seconds: 60 },
];

/** Standard deviations of intervals by their means: periodic ones have 0, Poisson 1, bursts as `world/events.ts` draws them 2.5. */
const PERIODIC_BELOW = 0.5;
const BURSTY_ABOVE = 1.6;
/** Fewer updates say nothing about a share or a median. */
const FEWEST = 5;
const BAD = 0.5;

/** Measures cadence and effects of updates. @param verdicts of the pipeline, oldest first */
export function measureHistory(pipeline: Pipeline, verdicts: readonly Verdict[]): PipelineHistory {
  const intervals = new Map(
    pipeline.components.map(({ name }) => [name, intervalsOf(verdicts.filter(({ component }) => component === name))]),
  );
  const known = [...intervals].filter(([, seconds]) => seconds.length > 0);
  const means = known.map(([name, seconds]) => [name, mean(seconds)] as const);
  const typical = median(means.map(([, seconds]) => seconds));
  const tick = TICKS.find(({ seconds }) => seconds <= typical) ?? SHORTEST;
  const scaled = known.flatMap(([, seconds]) => seconds.map((one) => one / mean(seconds)));
  return {
    verdicts: verdicts.length,
    tick,
    cadence: cadenceOf(scaled),
    every: new Map(means.map(([name, seconds]) => [name, seconds / tick.seconds])),
    badReleases: verdicts.length === 0 ? 0 : verdicts.filter(isBad).length / verdicts.length,
    ...effectsOf(
      pipeline,
      verdicts.flatMap((verdict) => {
        const changes = changesOf(verdict);
        return changes === undefined ? [] : [{ component: verdict.component, ...changes }];
      }),
      gapOf(verdicts),
    ),
  };
}

/** Seconds between verdicts that follow one another. */
function intervalsOf(verdicts: readonly Verdict[]): readonly number[] {
  const times = verdicts.map(({ judgedAt }) => Date.parse(judgedAt) / 1000).sort((a, b) => a - b);
  return times.slice(1).map((time, at) => time - (times[at] as number));
}

function cadenceOf(scaled: readonly number[]): PipelineHistory["cadence"] {
  if (scaled.length < FEWEST) return "poisson";
  const deviation = Math.sqrt(sampleVariance(scaled));
  if (deviation < PERIODIC_BELOW) return "periodic";
  return deviation > BURSTY_ABOVE ? "bursty" : "poisson";
}

function isBad({ componentLoss: { current, candidate }, componentInterval }: Verdict): boolean {
  if (current === null || candidate === null || componentInterval === null) return false;
  return componentInterval[0] > 0 && candidate >= (1 + BAD) * current;
}

/** @param gap as in the result */
export function effectsOf(
  { objective }: Pick<Pipeline, "objective">,
  changes: readonly ComponentChange[],
  gap: number | null,
): UpdateEffects {
  const improved = changes.filter(({ component, own }) => component !== objective && own !== null && own < 0);
  return {
    size: changes.length < FEWEST ? null : median(changes.map(({ pipeline }) => Math.abs(pipeline))),
    harmful: improved.length < FEWEST ? null : improved.filter(({ pipeline }) => pipeline > 0).length / improved.length,
    gap,
  };
}

/** The gap of the newest composition that has one. */
function gapOf(verdicts: readonly Verdict[]): number | null {
  const measured = verdicts.findLast(({ consistency }) => consistency !== undefined)?.consistency;
  return meanGap(measured?.current ?? measured?.candidate ?? []);
}

function meanGap(gaps: readonly ConsistencyGap[]): number | null {
  const relative = gaps.flatMap((gap) => gap.relative ?? []);
  return relative.length === 0 ? null : mean(relative);
}

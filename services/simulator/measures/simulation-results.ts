import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario, ScriptedKind } from "../scenario/scenario.ts";
import { drawEvents } from "../world/events.ts";
import { lossSeries, measureRun, type RunMeasures } from "./measure-run.ts";
import { meanOverSeeds } from "./student-interval.ts";

/** What a simulation shows: the JSON that `uncouple simulate` prints. */
export interface SimulationResults {
  readonly scenario: Scenario;
  readonly seeds: readonly number[];
  readonly ticks: number;
  /** In the order of the scenario. */
  readonly policies: readonly PolicyResults[];
  readonly comparisons: readonly PolicyComparison[];
  readonly events: readonly EventRecord[];
  /** How long it took; the only number that is not the same every time. */
  readonly seconds: number;
}

type Measure = Exclude<keyof RunMeasures, "series">;
type LossMeasure = "meanLoss" | "geometricMeanLoss" | "finalLoss";

/** Means over seeds of what `RunMeasures` defines. */
export interface PolicyResults extends Readonly<Record<Exclude<Measure, LossMeasure>, number>> {
  readonly name: string;
  readonly loss: {
    readonly mean: number;
    readonly geometricMean: number;
    readonly final: number;
    /** By tick; with Student's t interval at 95 %, null for one seed. */
    readonly series: readonly (readonly [tick: number, mean: number, low: number | null, high: number | null])[];
  };
  /** Student's t intervals at 95 % over seeds; empty for one seed. */
  readonly intervals: Readonly<Partial<Record<Measure, readonly [low: number, high: number]>>>;
}

/** The paired difference a - b over seeds, with Student's t interval at 95 %; null for one seed. */
export interface PolicyComparison {
  readonly a: string;
  readonly b: string;
  readonly measure: Measure;
  readonly difference: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** What happened whatever the policy, besides wishes to train. */
export interface EventRecord {
  readonly seed: number;
  readonly tick: number;
  readonly team: string;
  readonly kind: ScriptedKind;
  /** End of an outage. */
  readonly until?: number;
  /** The teams that a split makes of it. */
  readonly into?: readonly [first: string, second: string];
}

const COMPARED: readonly Measure[] = ["meanLoss", "geometricMeanLoss", "finalLoss", "regret", "waitingTicks", "steps"];

/** @param runs of every policy on every seed, in any order */
export function simulationResults(scenario: Scenario, runs: readonly PolicyRun[], seconds: number): SimulationResults {
  const { seeds, ticks, policies: names } = scenario;
  const byName = new Map(names.map((name) => [name, measuresOf(name)]));

  /** @returns one for each seed */
  function measuresOf(name: string): readonly RunMeasures[] {
    return seeds.map((seed) => {
      const ofSeed = runs.filter((run) => run.seed === seed);
      const best = Math.min(...ofSeed.flatMap(({ losses }) => lossSeries(losses, ticks)));
      return measureRun(ofSeed.find(({ policy }) => policy === name) as PolicyRun, ticks, best);
    });
  }

  return {
    scenario,
    seeds,
    ticks,
    policies: names.map((name) => policyResults(name, byName.get(name) as readonly RunMeasures[])),
    comparisons: names.flatMap((a, at) =>
      names.slice(at + 1).flatMap((b) =>
        COMPARED.map((measure) => {
          const [ofA, ofB] = [byName.get(a), byName.get(b)] as [readonly RunMeasures[], readonly RunMeasures[]];
          const found = meanOverSeeds(ofA.map((one, seed) => one[measure] - (ofB[seed] as RunMeasures)[measure]));
          return { a, b, measure, difference: found.mean, low: found.low, high: found.high };
        }),
      ),
    ),
    events: seeds.flatMap((seed) => eventsOf(scenario, seed)),
    seconds,
  };
}

function policyResults(name: string, seeds: readonly RunMeasures[]): PolicyResults {
  const over = (measure: Measure) => meanOverSeeds(seeds.map((one) => one[measure]));
  const { series: _, ...first } = seeds[0] as RunMeasures;
  const measures = Object.keys(first) as Measure[];
  const means = Object.fromEntries(measures.map((measure) => [measure, over(measure).mean])) as Record<Measure, number>;
  const { meanLoss, geometricMeanLoss, finalLoss, ...others } = means;
  const intervals = measures.flatMap((measure) => {
    const { low, high } = over(measure);
    return low === null || high === null ? [] : [[measure, [low, high]] as const];
  });
  return {
    name,
    loss: {
      mean: meanLoss,
      geometricMean: geometricMeanLoss,
      final: finalLoss,
      series: (seeds[0] as RunMeasures).series.map((_, tick) => {
        const at = meanOverSeeds(seeds.map(({ series }) => series[tick] as number));
        return [tick, at.mean, at.low, at.high] as const;
      }),
    },
    ...others,
    intervals: Object.fromEntries(intervals),
  };
}

function eventsOf(scenario: Scenario, seed: number): readonly EventRecord[] {
  const { wishes, outages, changes, splits } = drawEvents(scenario, seed);
  const found: readonly EventRecord[] = [
    ...wishes.flatMap(({ team, at, isBad }) => (isBad ? [{ seed, tick: at, team, kind: "bad-release" as const }] : [])),
    ...outages.map(({ team, from, to }) => ({ seed, tick: from, team, kind: "outage" as const, until: to })),
    ...changes.map(({ team, at, kind }) => ({ seed, tick: at, team, kind })),
    ...splits.map(({ team, at, into }) => ({ seed, tick: at, team, kind: "split" as const, into })),
  ];
  return found.toSorted((a, b) => a.tick - b.tick);
}

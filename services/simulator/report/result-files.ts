import type { PolicyResults, SimulationResults } from "../measures/simulation-results.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import { scenarioText } from "../scenario/scenario-text.ts";
import { outcomeJson, type SimulationOutcome } from "./simulation-outcome.ts";
import { simulationReport } from "./simulation-report.ts";

/** The files that a simulation leaves, by name. @param versions as `simulationReport` */
export async function resultFiles(
  outcome: SimulationOutcome,
  versions: string,
): Promise<readonly (readonly [name: string, text: string])[]> {
  const { results, runs } = outcome;
  return [
    ["results.json", json(outcomeJson(outcome))],
    ["runs.json", json(runs)],
    ["scenario.yaml", scenarioText(results.scenario)],
    ["losses.csv", lossesCsv(results)],
    ["league.csv", leagueCsv(results)],
    ["events.csv", eventsCsv(results, runs)],
    ["report.html", await simulationReport(outcome, versions)],
  ];
}

/** The pipeline loss of each policy at each tick. Empty ends: no interval. */
export function lossesCsv({ policies }: SimulationResults): string {
  return csv(
    ["policy", "tick", "mean", "low", "high"],
    policies.flatMap(({ name, loss }) => loss.series.map((point) => [name, ...point])),
  );
}

const LOSSES = { meanLoss: "mean", geometricMeanLoss: "geometricMean", finalLoss: "final" } as const;

/** Every measure of each policy, one a row, the lowest mean loss first. Empty ends: no interval. */
export function leagueCsv({ policies }: SimulationResults): string {
  return csv(
    ["policy", "measure", "mean", "low", "high"],
    policies
      .toSorted((a, b) => a.loss.mean - b.loss.mean)
      .flatMap((policy) => {
        const { name, loss, intervals, ...others } = policy;
        const losses = Object.entries(LOSSES).map(([measure, key]) => [measure, loss[key]] as const);
        return [...losses, ...Object.entries(others)].map(([measure, value]) => [
          name,
          measure,
          value,
          ...(intervals[measure as keyof PolicyResults["intervals"]] ?? [null, null]),
        ]);
      }),
  );
}

/** What happened, by seed and time. Without a policy: the same under all of them. */
export function eventsCsv({ seeds, events }: SimulationResults, runs: readonly PolicyRun[]): string {
  return csv(
    ["seed", "tick", "team", "event", "until", "policy", "serial", "verdict", "difference"],
    seeds.flatMap((seed) => {
      const ofSeed = runs.filter((run) => run.seed === seed);
      const rows = [
        ...events
          .filter((event) => event.seed === seed)
          .map(({ tick, team, kind, until }): Row => [seed, tick, team, kind, until ?? null, null, null, null, null]),
        ...(ofSeed[0]?.wishes ?? []).map(({ at, team }): Row => [seed, at, team, "wish", null, null, null, null, null]),
        ...ofSeed.flatMap(({ policy, snapshots }) =>
          snapshots.map(
            ({ component, serial, fate, settledAt, verdict }): Row => [
              seed,
              settledAt,
              component,
              fate,
              null,
              policy,
              serial,
              verdict?.kind ?? null,
              verdict?.difference ?? null,
            ],
          ),
        ),
      ];
      return rows.toSorted((a, b) => (a[1] as number) - (b[1] as number));
    }),
  );
}

type Row = readonly (string | number | null)[];

/** Names of teams, policies and kinds have no commas, quotes or line breaks. */
function csv(header: readonly string[], rows: readonly Row[]): string {
  return [header, ...rows].map((row) => `${row.map((cell) => cell ?? "").join(",")}\n`).join("");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

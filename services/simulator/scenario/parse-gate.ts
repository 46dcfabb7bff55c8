import { sinks } from "../../pipeline/dag.ts";
import { parseGate } from "../../pipeline/files/gate-policy.ts";
import { isRecord } from "../../pipeline/files/schema.ts";
import type { Reporter } from "../../pipeline/files/yaml-file.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

/** What the gate is checked against. */
export type GatedScenario = Pick<Scenario, "teams" | "events" | "training">;

/**
 * Reads `gate`, which is written as in a pipeline file. There is nobody to observe a gate or to promote, so that it enforces,
 * and the first snapshot of a component is released at once.
 */
export function parseScenarioGate(
  value: unknown,
  { teams, events, training }: GatedScenario,
  reporter: Reporter,
): GatePolicy {
  if (value === undefined) return DEFAULT_SCENARIO.gate;
  for (const [key, only] of Object.entries(ALWAYS)) {
    if (isRecord(value) && value[key] !== undefined && value[key] !== only)
      reporter.report(["gate", key], `must be ${only}: a simulation has no people`);
  }
  const ends = sinks(teams.map(({ name, reads }) => ({ name, upstream: reads }))).map(({ name }) => name);
  const [objective] = ends;
  // A gate names components that exist all the time.
  const split = events.scripted.flatMap(({ kind, team }) => (kind === "split" ? [team] : []));
  const gate = parseGate(
    value,
    {
      names: teams.map(({ name }) => name).filter((name) => !split.includes(name)),
      data: undefined,
      objective: ends.length === 1 ? objective : undefined,
      audit: { heldOut: training.heldOut },
      slices: undefined,
    },
    reporter,
  );
  return gate === undefined ? DEFAULT_SCENARIO.gate : { ...gate, ...ALWAYS };
}

const ALWAYS = { mode: "enforce", bootstrap: "newest" } as const satisfies Partial<GatePolicy>;

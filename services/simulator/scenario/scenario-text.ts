import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Scenario } from "./scenario.ts";

/** Writes a scenario as a file that `parseScenarioFile` reads as the same scenario. Every key is written out. */
export function scenarioText({ name, teams, gate, seeds, policies, ticks, ...parts }: Scenario): string {
  const lines = [
    `scenario: ${name}`,
    "teams:",
    ...teams.map(({ name: team, reads: _, ...keys }) => `  ${team}: ${flow(keys)}`),
    "edges:",
    ...teams.map(({ name: team, reads }) => `  ${team}: ${flow(reads)}`),
    ...Object.entries(parts).map(([key, value]) => `${key}: ${flow(value)}`),
    `gate: ${flow(gateKeys(gate))}`,
    `policies: ${flow(policies)}`,
    `seeds: ${flow(seeds)}`,
    `ticks: ${ticks}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Margins are written in percent. */
function gateKeys({ margin, transitionBudget, guards, ...gate }: GatePolicy): object {
  const ofGuards = Object.entries(guards).map(([name, fraction]) => [name, percent(fraction)]);
  return {
    ...gate,
    margin: percent(margin),
    transitionBudget: percent(transitionBudget),
    guards: Object.fromEntries(ofGuards),
  };
}

/** As `parsePercent` reads it: without the last digit of a product that is not exact. */
function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(15))} %`;
}

/** JSON is YAML. Keys of scenario files are in snake case. */
function flow(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part).map(([key, one]) => [
            key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
            one,
          ]),
        )
      : part,
  );
}

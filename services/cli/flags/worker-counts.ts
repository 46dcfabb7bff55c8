import { InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import type { TeamConfig } from "../../pipeline/team.ts";

/** How many workers each team gets: the same number, or numbers for some components. */
export type WorkerCounts = number | ReadonlyMap<string, number>;

const MOST = 256;

/** Parses `3`, or `m1=3,m2=0`. @throws InvalidArgumentError */
export function parseWorkerCounts(text: string): WorkerCounts {
  if (!text.includes("=")) return parseNumber(text);
  const counts = new Map<string, number>();
  for (const part of text.split(",")) {
    const [component = "", count = "", ...rest] = part.split("=");
    if (component === "" || rest.length > 0) throw new InvalidArgumentError("Expected a number, or m1=3,m2=0.");
    if (counts.has(component)) throw new InvalidArgumentError(`${component} is named twice.`);
    counts.set(component, parseNumber(count));
  }
  return counts;
}

function parseNumber(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= MOST) return count;
  throw new InvalidArgumentError(`Expected a number of workers from 0 to ${MOST}, or m1=3,m2=0.`);
}

/**
 * Component to number of workers, for the teams that get any.
 * @throws UncoupleError `invalid-argument` for a component without a team file, or whose team file has no `workers`
 */
export function workersOfTeams(counts: WorkerCounts, teams: readonly TeamConfig[]): ReadonlyMap<string, number> {
  const able = teams.filter(({ workers }) => workers !== undefined).map(({ component }) => component);
  if (typeof counts === "number") {
    if (counts > 0 && able.length === 0) {
      throw new UncoupleError("invalid-argument", "--workers: no team file has workers; add workers: {} to one");
    }
    return new Map(counts === 0 ? [] : able.map((component) => [component, counts]));
  }
  for (const [component, count] of counts) {
    if (able.includes(component)) continue;
    if (teams.some((team) => team.component === component)) {
      if (count === 0) continue;
      throw new UncoupleError(
        "invalid-argument",
        `--workers: the team file of ${component} has no workers; add workers: {} to it`,
      );
    }
    const known = teams.map((team) => team.component);
    throw new UncoupleError(
      "invalid-argument",
      `--workers: no team file is of component "${component}"; available: ${known.join(", ")}${didYouMean(component, known)}`,
    );
  }
  return new Map([...counts].filter(([component, count]) => count > 0 && able.includes(component)));
}

import { UncoupleError } from "../../common/errors.ts";

/** Trainer processes of a stack that is not told how many. More of them cost memory and start time, and gain little. */
export const MOST_PROCESSES = 8;

/**
 * Divides teams among trainer processes, whose numbers of teams differ by at most one.
 * @param processes defaults to one for each team, at most `MOST_PROCESSES`
 * @returns one list for each process, none empty
 * @throws UncoupleError `invalid-argument` for more processes than teams
 */
export function spreadTeams<T>(teams: readonly T[], processes: number | undefined): readonly (readonly T[])[] {
  if (processes !== undefined && processes > teams.length) {
    throw new UncoupleError(
      "invalid-argument",
      `--processes: ${teams.length} team ${teams.length === 1 ? "file" : "files"} cannot be spread over ${processes} processes`,
    );
  }
  const count = processes ?? Math.min(teams.length, MOST_PROCESSES);
  return Array.from({ length: count }, (_, index) => teams.filter((_team, place) => place % count === index));
}

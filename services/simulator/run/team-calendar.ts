import type { Outage } from "../world/events.ts";

/** When teams are out of work. */
export interface TeamCalendar {
  /** The first time from `at` on at which the team is at work. */
  nextAtWork(team: string, at: number): number;
}

export function createTeamCalendar(outages: readonly Outage[]): TeamCalendar {
  const byTeam = new Map<string, Outage[]>();
  for (const outage of outages) {
    const own = byTeam.get(outage.team) ?? [];
    byTeam.set(outage.team, own);
    own.push(outage);
  }
  return {
    nextAtWork(team, at) {
      let free = at;
      // In order of their beginnings, so that one that follows is found after the one before.
      for (const { from, to } of byTeam.get(team) ?? []) if (from <= free && free < to) free = to;
      return free;
    },
  };
}

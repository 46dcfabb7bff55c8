import { didYouMean } from "../../common/suggest.ts";
import type { Reporter } from "../../pipeline/files/yaml-file.ts";
import type { ScriptedEvent, Team } from "./scenario.ts";

/**
 * Reports scripted events that cannot happen: those of teams that do not exist at the time, splits into names that are taken,
 * and keys that belong to another kind of event.
 *
 * @param teams of the start; none if they could not be read @param end the last tick
 */
export function checkScripted(
  scripted: readonly ScriptedEvent[],
  teams: readonly Team[],
  end: number,
  reporter: Reporter,
): void {
  const names = [...teams.map(({ name }) => name), ...scripted.flatMap(({ into = [] }) => into)];
  const known = new Set(teams.map(({ name }) => name));
  const alive = new Set(known);
  for (const event of scripted.toSorted(byTime)) {
    const { tick, team, into = [] } = event;
    const report = (key: string, message: string, ...more: readonly number[]) =>
      reporter.report(["events", "scripted", scripted.indexOf(event), key, ...more], message);
    if (tick > end) report("tick", `is after the last tick, ${end}`);
    checkKeys(event, report);
    if (teams.length > 0 && !alive.has(team)) {
      const isNamed = names.includes(team);
      report(
        "team",
        isNamed ? `${team} does not exist at tick ${tick}` : `unknown team "${team}"${didYouMean(team, names)}`,
      );
    }
    if (event.kind !== "split") continue;
    alive.delete(team);
    for (const [at, name] of into.entries()) {
      if (known.has(name)) report("into", `duplicate team "${name}"`, at);
      known.add(name);
      alive.add(name);
    }
  }
}

function checkKeys({ kind, ticks, into }: ScriptedEvent, report: (key: string, message: string) => void): void {
  if (ticks !== undefined && kind !== "outage") report("ticks", "only an outage has a length");
  if (into !== undefined && kind !== "split") report("into", "only a split names teams that take the place of another");
  if (into === undefined && kind === "split")
    report("into", "is missing; must be the names of the two teams of a split");
}

/** At one tick, splits come first. */
function byTime(a: ScriptedEvent, b: ScriptedEvent): number {
  return a.tick - b.tick || Number(b.kind === "split") - Number(a.kind === "split");
}

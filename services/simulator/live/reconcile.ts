import type { Run } from "../../pipeline/run.ts";

/** A message about a snapshot, as a stream has it. */
export interface LoggedSnapshot {
  /** Its position in the stream. */
  readonly position: number;
  readonly component: string;
  readonly serial: number;
  /** Whether this version can read it. */
  readonly isReadable: boolean;
  /** ISO 8601: when it was published or judged; undefined if it cannot be read. */
  readonly at: string | undefined;
}

export interface LoggedAnnouncement extends LoggedSnapshot {
  /** undefined if it cannot be read. */
  readonly runId: string | undefined;
}

/** Everything that the streams of a pipeline have, message by message, nothing removed. */
export interface LiveLogs {
  readonly announcements: readonly LoggedAnnouncement[];
  readonly verdicts: readonly LoggedSnapshot[];
  readonly quarantines: readonly LoggedSnapshot[];
}

/** Something that was lost, is there more than once, or should not be there. */
export interface Finding {
  readonly kind: "lost" | "doubled" | "stray";
  readonly what: "snapshot" | "serial" | "verdict" | "quarantine" | "message";
  /** A run, a snapshot or a message, by name. */
  readonly of: string;
}

/**
 * Compares runs with what the logs have of them:
 * - a run that succeeded has announced exactly one snapshot, and no other run any;
 * - the serials of a component are 1, 2, 3 ..., each once;
 * - an announced snapshot has a verdict or a quarantine, at most one of each (a gate can quarantine what was judged before), and
 *   no other snapshot has any;
 * - every message can be read.
 *
 * @param runs that have ended, one entry for each
 */
export function reconcile(runs: readonly Pick<Run, "id" | "component" | "state">[], logs: LiveLogs): Finding[] {
  const { announcements, verdicts, quarantines } = logs;
  const announced = counted(announcements, nameOf);
  const byRun = counted(announcements, ({ runId }) => runId);
  const judged = counted(verdicts, nameOf);
  const quarantined = counted(quarantines, nameOf);
  const findings: Finding[] = [];
  const find = (kind: Finding["kind"], what: Finding["what"], of: string) => findings.push({ kind, what, of });

  for (const { id, component, state } of runs) {
    const count = byRun.get(id) ?? 0;
    const of = `run ${id} of ${component}`;
    if (state === "succeeded" && count === 0) find("lost", "snapshot", of);
    if (state !== "succeeded" && count > 0) find("stray", "snapshot", `${state} ${of}`);
    if (count > 1) find("doubled", "snapshot", of);
  }
  for (const [component, serials] of serialsOf(announcements)) {
    const highest = Math.max(...serials);
    for (let serial = 1; serial < highest; serial++) {
      if (!serials.has(serial)) find("lost", "serial", nameOf({ component, serial }));
    }
  }
  for (const [name, count] of announced) {
    if (count > 1) find("doubled", "serial", name);
    if (!judged.has(name) && !quarantined.has(name)) find("lost", "verdict", name);
  }
  for (const [what, counts] of [
    ["verdict", judged],
    ["quarantine", quarantined],
  ] as const) {
    for (const [name, count] of counts) {
      if (count > 1) find("doubled", what, name);
      if (!announced.has(name)) find("stray", what, name);
    }
  }
  for (const [log, entries] of Object.entries(logs) as [string, readonly LoggedSnapshot[]][]) {
    for (const { isReadable, position } of entries) {
      if (!isReadable) find("stray", "message", `${position} of the ${log}`);
    }
  }
  return findings;
}

function nameOf({ component, serial }: { readonly component: string; readonly serial: number }): string {
  return `${component}@${serial}`;
}

function counted<T>(entries: readonly T[], keyOf: (entry: T) => string | undefined): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function serialsOf(entries: readonly LoggedSnapshot[]): ReadonlyMap<string, ReadonlySet<number>> {
  const serials = new Map<string, Set<number>>();
  for (const { component, serial } of entries) {
    const own = serials.get(component) ?? new Set();
    serials.set(component, own);
    own.add(serial);
  }
  return serials;
}

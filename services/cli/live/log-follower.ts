import type { RawLogs, RawMessage } from "../../registry/jetstream/raw-logs.ts";
import type { LiveLogs, LoggedAnnouncement, LoggedSnapshot } from "../../simulator/live/reconcile.ts";

/** What the streams of a pipeline have, as of the last `catchUp`. */
export interface LogFollower {
  /** Reads what the streams have got since; one call at a time reads. @throws UncoupleError as `RawLogs` */
  catchUp(): Promise<void>;
  logs(): LiveLogs;
  /** Verdicts by kind. */
  kinds(): Readonly<Record<string, number>>;
  /** Announced snapshots that have neither a verdict nor a quarantine yet. */
  unjudged(): number;
}

export function createLogFollower(raw: RawLogs): LogFollower {
  const announcements: LoggedAnnouncement[] = [];
  const verdicts: LoggedSnapshot[] = [];
  const quarantines: LoggedSnapshot[] = [];
  const kinds: Record<string, number> = {};
  const unjudged = new Set<string>();
  const settled = new Set<string>();
  const next = (entries: readonly LoggedSnapshot[]) => (entries.at(-1)?.position ?? 0) + 1;

  function settle(entries: readonly LoggedSnapshot[]): void {
    for (const { component, serial } of entries) {
      settled.add(`${component}@${serial}`);
      unjudged.delete(`${component}@${serial}`);
    }
  }

  async function read(): Promise<void> {
    // Verdicts first: one that comes meanwhile is found next time, and its snapshot counts as unjudged until then.
    const [judged, quarantined, announced] = [
      await raw.verdicts(next(verdicts)),
      await raw.quarantines(next(quarantines)),
      await raw.announcements(next(announcements)),
    ];
    for (const { value } of judged) if (value !== undefined) kinds[value.kind] = (kinds[value.kind] ?? 0) + 1;
    const newVerdicts = judged.map((message) => logged(message, message.value?.judgedAt));
    const newQuarantines = quarantined.map((message) => logged(message, message.value?.judgedAt));
    verdicts.push(...newVerdicts);
    quarantines.push(...newQuarantines);
    settle([...newVerdicts, ...newQuarantines]);
    for (const message of announced) {
      announcements.push({ ...logged(message, message.value?.publishedAt), runId: message.value?.runId });
      const name = `${message.component}@${message.serial}`;
      if (!settled.has(name)) unjudged.add(name);
    }
  }

  let last: Promise<void> = Promise.resolve();
  return {
    catchUp() {
      // Two that read at a time would take the same messages.
      last = last.catch(() => {}).then(read);
      return last;
    },
    logs: () => ({ announcements, verdicts, quarantines }),
    kinds: () => kinds,
    unjudged: () => unjudged.size,
  };
}

function logged<T>({ position, component, serial, value }: RawMessage<T>, at: string | undefined): LoggedSnapshot {
  return { position, component, serial, isReadable: value !== undefined, at };
}

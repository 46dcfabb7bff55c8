import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createLogger, type Logger } from "../../services/runtime/logs.ts";

/** A log that nobody reads. */
export const silentLog: Logger = createLogger({
  clock: systemClock,
  service: "test",
  level: "silent",
  destination: { write: () => {} },
});

/** A log whose lines are kept, as JSON records. */
export function recordingLog(): { readonly log: Logger; readonly records: Record<string, unknown>[] } {
  const records: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void records.push(JSON.parse(line) as Record<string, unknown>) };
  return {
    log: createLogger({ clock: systemClock, service: "test", level: "debug", destination, format: "json" }),
    records,
  };
}

import type { Logger } from "../runtime/logs.ts";
import type { Note } from "./coordinator/machine/events.ts";
import type { Evidence } from "./coordinator/machine/state.ts";

/** Writes what happened to workers to the log. */
export function logNote(log: Logger, note: Note): void {
  switch (note.kind) {
    case "joined":
      log.info({ worker: note.worker }, `worker ${note.name} joined`);
      break;
    case "left":
      log.info({ worker: note.worker }, `worker ${note.name} left`);
      break;
    case "lost":
      log.warn({ worker: note.worker }, `worker ${note.name} was lost with ${units(note.units)} in work: ${note.why}`);
      break;
    case "unit-lost":
      log.warn({ unit: note.unit }, `worker ${note.name} did not finish a unit: ${note.why}`);
      break;
    case "not-admitted":
      log.warn(`worker ${note.name} is not admitted: ${note.why}`);
      break;
    case "mismatch":
      log.error({ evidence: note.evidence }, `${note.names.join(" and ")} differ on a unit: ${digests(note.evidence)}`);
      break;
    case "quarantined":
      log.error(
        { evidence: note.evidence },
        `worker ${note.name} returned a wrong result and is shut out: ${digests(note.evidence)}`,
      );
      break;
  }
}

function units(count: number): string {
  return count === 1 ? "1 unit" : `${count} units`;
}

function digests({ unit, expected, got }: Evidence): string {
  const steps = `steps ${unit.first} to ${unit.first + unit.count - 1} of slot ${unit.slot}`;
  return `${steps} have the digest ${expected}, not ${got}`;
}

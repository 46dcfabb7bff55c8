import { InvalidArgumentError } from "commander";
import { NAME } from "../../pipeline/name.ts";

export interface SnapshotReference {
  readonly component: string;
  readonly serial: number;
}

/** Parses `m2@3`. @throws InvalidArgumentError, which the command line reports as a usage error */
export function parseReference(text: string): SnapshotReference {
  const [, component, serial] = /^([^@]+)@(.*)$/.exec(text) ?? [];
  if (component === undefined || serial === undefined) {
    throw new InvalidArgumentError("Expected COMPONENT@SERIAL, for example m2@3.");
  }
  return { component, serial: parseSerial(serial) };
}

/** A snapshot, or a component whose snapshot the command chooses. */
export interface SnapshotChoice {
  readonly component: string;
  readonly serial?: number;
}

/** Parses `m2` or `m2@3`. @throws InvalidArgumentError */
export function parseSnapshot(text: string): SnapshotChoice {
  return text.includes("@") ? parseReference(text) : { component: text };
}

/** Parses `m1@2,m2@3`. @throws InvalidArgumentError */
export function parseReferences(text: string): readonly SnapshotReference[] {
  return text.split(",").map((part) => parseReference(part.trim()));
}

/** Parses a snapshot's serial number: 1, 2, 3 ... @throws InvalidArgumentError */
export function parseSerial(text: string): number {
  const serial = Number(text);
  if (!/^\d+$/.test(text) || serial < 1 || !Number.isSafeInteger(serial)) {
    throw new InvalidArgumentError(`A serial must be a positive integer, not "${text}".`);
  }
  return serial;
}

/** Parses a count, at least 1. @throws InvalidArgumentError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("Expected a positive integer.");
  }
  return count;
}

/** Parses a port; 0 stands for any free port. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError("A port must be an integer between 0 (any free port) and 65535.");
  }
  return port;
}

/** Parses the name of a pipeline or a component. @throws InvalidArgumentError */
export function parseName(text: string): string {
  if (!NAME.test(text)) {
    throw new InvalidArgumentError(
      "A name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens.",
    );
  }
  return text;
}

/** Parses a name that only people read. @throws InvalidArgumentError */
export function parseLabel(text: string): string {
  if (text.length < 1 || text.length > 255) throw new InvalidArgumentError("Expected 1 to 255 characters.");
  return text;
}

/** Parses a number of replicas, 1 to 5 as JetStream allows. @throws InvalidArgumentError */
export function parseReplicas(text: string): number {
  if (!/^[1-5]$/.test(text)) throw new InvalidArgumentError("Expected a number of servers from 1 to 5.");
  return Number(text);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** Parses `90s`, `10m` or `1h`, and 0. @returns seconds @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const [, count, unit = ""] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("Expected a duration such as 90s, 10m or 1h, or 0.");
  return Number(count) * (SECONDS[unit] ?? 1);
}

import { InvalidArgumentError } from "commander";

export interface SnapshotReference {
  readonly component: string;
  readonly serial: number;
}

/** `m2@3`. @throws InvalidArgumentError, which the command line reports as wrong usage */
export function parseReference(text: string): SnapshotReference {
  const [, component, serial] = /^([^@]+)@(.*)$/.exec(text) ?? [];
  if (component === undefined || serial === undefined) {
    throw new InvalidArgumentError("A snapshot is written COMPONENT@SERIAL, for example m2@3.");
  }
  return { component, serial: parseSerial(serial) };
}

/** A snapshot's number: 1, 2, 3 ... @throws InvalidArgumentError */
export function parseSerial(text: string): number {
  const serial = Number(text);
  if (!/^\d+$/.test(text) || serial < 1 || !Number.isSafeInteger(serial)) {
    throw new InvalidArgumentError(`A serial is a whole number from 1 on, not "${text}".`);
  }
  return serial;
}

/** How many of something, at least one. @throws InvalidArgumentError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("A count is a whole number from 1 on.");
  }
  return count;
}

/** A port, 0 for any free one. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError("A port is a whole number from 0 (any free one) to 65535.");
  }
  return port;
}

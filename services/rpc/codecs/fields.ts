import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/**
 * Checks a uint32 field: protobufjs silently truncates anything else.
 * @throws UncoupleError `internal`
 */
export function uint32(value: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new UncoupleError("internal", `${what} does not fit its field: ${value}`);
  }
  return value;
}

/**
 * Decodes a uint64, which protobufjs returns as a string to keep all digits.
 * @throws UncoupleError with the given code above 2^53 - 1
 */
export function decodeUint64(what: string, text: string, code: "invalid-argument" | "data-loss"): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new UncoupleError(code, `${what} ${text} is out of range`);
  return value;
}

/** Encodes an optional field; a missing value is not sent. */
export function optional<K extends string, T, U>(name: K, value: T | null, encode: (value: T) => U): { [P in K]?: U } {
  return value === null ? {} : ({ [name]: encode(value) } as { [P in K]?: U });
}

export const same = <T>(value: T): T => value;

/** @throws UncoupleError with the given code if the message lacks a required part */
export function required<T>(value: T | null | undefined, what: string, code: ErrorCode): T {
  if (value === null || value === undefined) throw new UncoupleError(code, `the message has no ${what}`);
  return value;
}

/** Copies a map of serials and checks each. */
export function serials(map: Readonly<Record<string, number>>, what: string): Record<string, number> {
  return Object.fromEntries(Object.entries(map).map(([name, serial]) => [name, uint32(serial, `${what}.${name}`)]));
}

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

/**
 * Encodes a uint64, which protobufjs would round above 2^53.
 * @throws UncoupleError `internal`
 */
export function encodeUint64(value: number, what: string): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UncoupleError("internal", `${what} does not fit its field: ${value}`);
  }
  return String(value);
}

/**
 * Checks a SHA-256, 64 lower-case hex digits.
 * @throws UncoupleError with the given code
 */
export function digest(text: string, what: string, code: ErrorCode): string {
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new UncoupleError(
      code,
      `${what} must have 64 lower-case hex digits, not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return text;
}

/**
 * Checks a text that other services show or index.
 * @throws UncoupleError with the given code if it is empty or longer than 255 characters
 */
export function label(text: string, what: string, code: ErrorCode): string {
  if (text.length >= 1 && text.length <= 255) return text;
  throw new UncoupleError(code, `${what} must have 1 to 255 characters, not ${text.length}`);
}

/**
 * Checks a count that must be positive.
 * @throws UncoupleError with the given code
 */
export function positive(value: number, what: string, code: ErrorCode): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UncoupleError(code, `${what} must be at least 1, not ${value}`);
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

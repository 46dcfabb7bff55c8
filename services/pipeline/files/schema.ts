import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { NAME, NOT_RESERVED } from "../name.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/** A `z.strictObject` whose unknown-key error carries the allowed keys (see `parseWith`). */
export function strict<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(",") : undefined),
  });
}

/** Component and pipeline names. */
export const nameSchema = z
  .string()
  .regex(NAME, {
    error: "must start with a letter and have at most 63 lowercase letters, digits and hyphens",
  })
  .regex(NOT_RESERVED, { error: "must be a name that JavaScript does not reserve" });

/** Names of data columns: any printable text. */
export const columnSchema = z
  .string()
  .regex(/^[^\p{Cc}]{1,200}$/u, { error: "must have 1 to 200 printable characters" })
  // Objects do not store it as a key.
  .regex(/^(?!__proto__$)/, { error: "must be a name that JavaScript does not reserve" });

/**
 * Parses a value with a schema.
 * @param path of the value within its file
 * @returns undefined after reporting every issue
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  path: Path,
  reporter: Reporter,
): z.output<S> | undefined {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
    if (issue.code === "unrecognized_keys") {
      const known = issue.message.split(",");
      for (const key of issue.keys) {
        reporter.report([...at, key], `unknown key; available: ${known.join(", ")}${didYouMean(key, known)}`);
      }
    } else {
      reporter.report(at, describe(issue));
    }
  }
  return undefined;
}

/** Whether a value is a mapping. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as written in the file, for messages. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "an empty value";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function describe(issue: z.core.$ZodIssue): string {
  const not = issue.input === undefined ? "" : `, not ${shown(issue.input)}`;
  switch (issue.code) {
    case "invalid_type": {
      const kind = KINDS[issue.expected] ?? issue.expected;
      return issue.input === undefined ? `is missing; must be ${kind}` : `must be ${kind}${not}`;
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      if (issue.input === undefined) return `is missing; must be one of ${values.join(", ")}`;
      const hint = typeof issue.input === "string" ? didYouMean(issue.input, values) : "";
      return `must be ${values.length === 1 ? "" : "one of "}${values.join(", ")}${not}${hint}`;
    }
    case "too_small":
      if (issue.origin === "array") return `must have at least ${issue.minimum} ${plural(issue.minimum)}`;
      if (issue.input === "") return "must not be empty";
      return `must be ${issue.inclusive ? "at least" : "greater than"} ${issue.minimum}${not}`;
    case "too_big":
      if (issue.origin === "array") return `must have at most ${issue.maximum} ${plural(issue.maximum)}`;
      return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}${not}`;
    case "invalid_format":
      return `${issue.message}${not}`;
    default:
      return issue.message;
  }
}

function plural(count: number | bigint): string {
  return Number(count) === 1 ? "item" : "items";
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
};

import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { NAME, NOT_RESERVED } from "../name.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/** A `z.strictObject` whose complaint about an unknown key carries the keys that there are (see `parseWith`). */
export function strict<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(",") : undefined),
  });
}

/** Component and pipeline names. */
export const nameSchema = z
  .string()
  .regex(NAME, {
    error: "must be a name of at most 63 lower-case letters, digits and hyphens that begins with a letter",
  })
  .regex(NOT_RESERVED, { error: "must be a name that JavaScript does not keep for itself" });

/** Names of data columns; anything printable that a file may have. */
export const columnSchema = z
  .string()
  .regex(/^[^\p{Cc}]{1,200}$/u, { error: "must be a column name of 1 to 200 printable characters" })
  // As the key of an object it would not be kept.
  .regex(/^(?!__proto__$)/, { error: "must be a name that JavaScript does not keep for itself" });

/**
 * What the schema makes of the value, or undefined after every issue has been reported in words.
 * @param path of the value within its file
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
        reporter.report([...at, key], `unknown key${didYouMean(key, known)} (there are ${known.join(", ")})`);
      }
    } else {
      reporter.report(at, describe(issue));
    }
  }
  return undefined;
}

/** Whether a value of a file is a mapping. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as a person wrote it, for messages. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "nothing";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function describe(issue: z.core.$ZodIssue): string {
  const not = issue.input === undefined ? "" : `, not ${shown(issue.input)}`;
  switch (issue.code) {
    case "invalid_type": {
      const kind = KINDS[issue.expected] ?? issue.expected;
      return issue.input === undefined ? `is missing: ${kind} is needed` : `must be ${kind}${not}`;
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      if (issue.input === undefined) return `is missing: one of ${values.join(", ")} is needed`;
      const hint = typeof issue.input === "string" ? didYouMean(issue.input, values) : "";
      return `must be ${values.length === 1 ? "" : "one of "}${values.join(", ")}${not}${hint}`;
    }
    case "too_small":
      if (issue.origin === "array") return `must have at least ${issue.minimum} ${plural(issue.minimum)}`;
      return `must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}${not}`;
    case "too_big":
      if (issue.origin === "array") return `must have at most ${issue.maximum} ${plural(issue.maximum)}`;
      return `must be ${issue.inclusive ? "at most" : "below"} ${issue.maximum}${not}`;
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
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
};

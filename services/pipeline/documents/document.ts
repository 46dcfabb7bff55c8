import type { z } from "zod";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/**
 * Validates a document from the network or a store. Drops unknown keys, so that newer versions can add keys.
 * @param what the kind of document, for the message: `manifest`, `verdict`
 * @throws UncoupleError `data-loss`, or the given code, naming every invalid field
 */
export function parseDocument<T>(
  schema: z.ZodType<T>,
  what: string,
  document: unknown,
  code: ErrorCode = "data-loss",
): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => {
    const path = issue.path.join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  throw new UncoupleError(code, `not a valid ${what}: ${issues.join("; ")}`);
}

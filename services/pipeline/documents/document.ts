import type { z } from "zod";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/**
 * Checks a document that came over a wire or from a store. Keys that this version does not know are dropped, so that a
 * newer writer may add some.
 * @param what for the message: `manifest`, `verdict`
 * @throws UncoupleError `data-loss`, or the code that is given, naming every field that is wrong
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

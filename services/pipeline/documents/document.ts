import { z } from "zod";
import { type ErrorCode, UncoupleError } from "../../common/errors.ts";

/** A document of a format version that this program does not know yet. */
export class NewerFormatError extends UncoupleError {
  constructor(what: string, version: number, newest: number) {
    super(
      "failed-precondition",
      `a newer version of Uncouple wrote this ${what} (format version ${version}, this one reads up to ${newest}); upgrade to read it`,
    );
  }
}

const versioned = z.object({ version: z.int().min(1) });

/**
 * Returns the format version of a document; undefined if it has none.
 * @param newest the newest version of the format that this program reads
 * @throws NewerFormatError
 */
export function formatVersion(what: string, document: unknown, newest: number): number | undefined {
  const version = versioned.safeParse(document).data?.version;
  if (version !== undefined && version > newest) throw new NewerFormatError(what, version, newest);
  return version;
}

/**
 * Validates a document from the network or a store. The schema decides whether unknown keys are kept, dropped or rejected.
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

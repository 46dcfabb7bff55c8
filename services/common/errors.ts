/**
 * The closed set of failure reasons in Uncouple. Each boundary (gRPC status, exit code, HTTP) has one exhaustive map
 * from these codes, so a new code does not compile until every boundary handles it.
 */
export type ErrorCode =
  /** The caller's input is invalid: a file, a flag, a message. Retrying cannot help. */
  | "invalid-argument"
  /** The named resource does not exist. */
  | "not-found"
  /** The resource already exists, or a concurrent change won. */
  | "conflict"
  /** The current state does not allow the call (for example, no upstream snapshot to impute with). */
  | "failed-precondition"
  /** A queue, a bucket or a size limit is full. */
  | "resource-exhausted"
  /** The caller or a shutdown cancelled it. */
  | "cancelled"
  /** A time limit expired; the message names it. */
  | "deadline-exceeded"
  /** A required server is unreachable. */
  | "unavailable"
  /** Data is missing, corrupted, or does not match its digest. */
  | "data-loss"
  /** The model was deleted by the pipeline's retention policy. */
  | "deleted"
  /** A server refuses the credentials, or its certificate cannot be trusted. Retrying cannot help. */
  | "unauthenticated"
  /** A bug in Uncouple. */
  | "internal";

/** An actionable error: a code, a message that says what is wrong and where, and a cause. */
export class UncoupleError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "UncoupleError";
    this.code = code;
  }
}

/** Whether the error is temporary, so that the same request can be retried. */
export function isTransient(thrown: unknown): boolean {
  return thrown instanceof UncoupleError && (thrown.code === "unavailable" || thrown.code === "deadline-exceeded");
}

/** Converts any thrown value into a typed error; unknown errors become `internal` and keep their cause. */
export function asUncoupleError(thrown: unknown): UncoupleError {
  if (thrown instanceof UncoupleError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return thrown.cause instanceof UncoupleError
      ? thrown.cause
      : new UncoupleError("cancelled", "cancelled", { cause: thrown });
  }
  return new UncoupleError("internal", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/**
 * The closed set of reasons for which anything in Uncouple refuses or fails. Each boundary (gRPC status, exit code,
 * HTTP) has one exhaustive map from these codes, so that a new code does not compile until every boundary knows it.
 */
export type ErrorCode =
  /** The caller's input is wrong: a file, a flag, a message. Repeating the call cannot help. */
  | "invalid-argument"
  /** What was named does not exist. */
  | "not-found"
  /** It exists already, or somebody else changed it first. */
  | "conflict"
  /** The state does not admit the call now (for example: no upstream snapshot to impute with). */
  | "failed-precondition"
  /** A queue, a bucket or a size limit is full. */
  | "resource-exhausted"
  /** The caller or a shutdown stopped it. */
  | "cancelled"
  /** No answer in time; the message names the time limit that fired. */
  | "deadline-exceeded"
  /** A server that it needs is not reachable. */
  | "unavailable"
  /** Bytes are missing, damaged, or not what their digest says. */
  | "data-loss"
  /** A defect of Uncouple. */
  | "internal";

/** An error that a person or a program can act on: a code, a sentence that names what is wrong and where, a cause. */
export class UncoupleError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "UncoupleError";
    this.code = code;
  }
}

/** Whether it goes away when a server is back: the same request may be made again. */
export function isTransient(thrown: unknown): boolean {
  return thrown instanceof UncoupleError && (thrown.code === "unavailable" || thrown.code === "deadline-exceeded");
}

/** Turns whatever was thrown into a typed error; what nobody foresaw becomes `internal` with its cause kept. */
export function asUncoupleError(thrown: unknown): UncoupleError {
  if (thrown instanceof UncoupleError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return thrown.cause instanceof UncoupleError
      ? thrown.cause
      : new UncoupleError("cancelled", "cancelled", { cause: thrown });
  }
  return new UncoupleError("internal", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

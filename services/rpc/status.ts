import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { asUncoupleError, type ErrorCode, UncoupleError } from "../common/errors.ts";
import { reasons } from "./codecs/reasons.ts";

/** The gRPC status of each error code. */
const statuses: Readonly<Record<ErrorCode, status>> = {
  "invalid-argument": status.INVALID_ARGUMENT,
  "not-found": status.NOT_FOUND,
  conflict: status.ABORTED,
  "failed-precondition": status.FAILED_PRECONDITION,
  "resource-exhausted": status.RESOURCE_EXHAUSTED,
  cancelled: status.CANCELLED,
  "deadline-exceeded": status.DEADLINE_EXCEEDED,
  unavailable: status.UNAVAILABLE,
  "data-loss": status.DATA_LOSS,
  deleted: status.NOT_FOUND,
  unauthenticated: status.UNAUTHENTICATED,
  internal: status.INTERNAL,
};

/** The error code of a status that gRPC itself, a proxy or a server of a different version returned. */
const codes: Readonly<Record<Exclude<status, status.OK>, ErrorCode>> = {
  [status.CANCELLED]: "cancelled",
  [status.UNKNOWN]: "internal",
  [status.INVALID_ARGUMENT]: "invalid-argument",
  [status.DEADLINE_EXCEEDED]: "deadline-exceeded",
  [status.NOT_FOUND]: "not-found",
  [status.ALREADY_EXISTS]: "conflict",
  [status.PERMISSION_DENIED]: "failed-precondition",
  [status.RESOURCE_EXHAUSTED]: "resource-exhausted",
  [status.FAILED_PRECONDITION]: "failed-precondition",
  [status.ABORTED]: "conflict",
  [status.OUT_OF_RANGE]: "invalid-argument",
  [status.UNIMPLEMENTED]: "failed-precondition",
  [status.INTERNAL]: "internal",
  [status.UNAVAILABLE]: "unavailable",
  [status.DATA_LOSS]: "data-loss",
  [status.UNAUTHENTICATED]: "unauthenticated",
};

/** The trailer with the reason of a failed call (an `ErrorReason` of common.proto). */
const reasonTrailer = "uncouple-reason";

/** Status messages are sent percent-encoded in an HTTP/2 header, whose size is limited. */
const maxDetailsBytes = 4096;

/** Converts what a handler threw: status, message (truncated to fit a header), and the reason as a trailer. */
export function toStatus(thrown: unknown): Pick<StatusObject, "code" | "details" | "metadata"> {
  const error = asUncoupleError(thrown);
  const metadata = new Metadata();
  metadata.set(reasonTrailer, reasons.encode(error.code));
  return { code: statuses[error.code], details: shortened(error.message), metadata };
}

function shortened(message: string): string {
  // Through UTF-8 and back, because a lone surrogate cannot be percent-encoded.
  const text = Buffer.from(message).toString();
  if (encodeURI(text).length <= maxDetailsBytes) return text;
  let kept = "";
  let bytes = 0;
  for (const character of text) {
    bytes += encodeURI(character).length;
    if (bytes > maxDetailsBytes) break;
    kept += character;
  }
  return `${kept} ... (cut short)`;
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "number" && "details" in thrown;
}

export interface ClientContext {
  readonly address: string;
  readonly deadlineSeconds: number;
  readonly maxMessageBytes: number;
}

/** Converts a failed call for its caller: the error that the server threw, or a transport error. */
export function fromStatus(thrown: unknown, context: ClientContext): UncoupleError {
  if (!isServiceError(thrown)) return asUncoupleError(thrown);
  const { details } = thrown;
  const code = codes[thrown.code as Exclude<status, status.OK>] ?? "internal";
  const [reason] = thrown.metadata?.get(reasonTrailer) ?? [];
  if (reason !== undefined) {
    // NOT_FOUND stands for two codes.
    const deleted = String(reason) === reasons.encode("deleted");
    return new UncoupleError(deleted ? "deleted" : code, details, { cause: thrown });
  }
  // Cancellations by this client are handled before, so the server or a proxy ended the call.
  const cut = thrown.code === status.CANCELLED;
  const transport = cut ? "unavailable" : code;
  return new UncoupleError(transport, transportMessage(thrown.code, details, context), { cause: thrown });
}

function transportMessage(code: status, details: string, context: ClientContext): string {
  const { address } = context;
  switch (code) {
    case status.DEADLINE_EXCEEDED:
      return `no answer from ${address} within deadlineSeconds = ${context.deadlineSeconds}`;
    case status.CANCELLED:
      return `${address} cut the call short: ${details}`;
    case status.UNAVAILABLE:
      return `cannot reach ${address}: ${connectionTrouble(details)}`;
    case status.RESOURCE_EXHAUSTED:
      return `a message to or from ${address} is too large: ${details}; maxMessageBytes is ${context.maxMessageBytes} here`;
    case status.UNIMPLEMENTED:
      return `${address} does not offer this call; is it the right service, and of this version? (${details})`;
    default:
      return `${address}: ${details}`;
  }
}

/** Extracts the cause from grpc-js's `No connection established. Last error: Error: connect ...`. */
function connectionTrouble(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\.? Resolution note:.*$/s, "");
}

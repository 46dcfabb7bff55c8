import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { asUncoupleError, type ErrorCode, UncoupleError } from "../common/errors.ts";
import { reasons } from "./codecs/reasons.ts";

/** What a failure looks like on the wire: one status for each code. */
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
  internal: status.INTERNAL,
};

/** What a status means that did not come from a handler of ours: from gRPC itself, a proxy, a server of another version. */
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
  [status.UNAUTHENTICATED]: "failed-precondition",
};

/** The trailer that names the reason of a jetStreamError (an `ErrorReason` of common.proto). */
const reasonTrailer = "uncouple-reason";

/** A status message travels in an HTTP/2 header, percent-encoded, and headers are small. */
const maxDetailsBytes = 4096;

/** Whatever a handler threw, as gRPC sends it: status, message (cut to what a header holds), and the reason as a trailer. */
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

/** What a failed call means to its caller: the server's own error as it was thrown there, or what gRPC ran into. */
export function fromStatus(thrown: unknown, context: ClientContext): UncoupleError {
  if (!isServiceError(thrown)) return asUncoupleError(thrown);
  const { details } = thrown;
  const code = codes[thrown.code as Exclude<status, status.OK>] ?? "internal";
  const [reason] = thrown.metadata?.get(reasonTrailer) ?? [];
  if (reason !== undefined) return new UncoupleError(code, details, { cause: thrown });
  // What this client cancels itself is told apart before; so it was the server, or something on the way, that cut it.
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

/** What went wrong with a connection, out of grpc-js's `No connection established. Last error: Error: connect ...`. */
function connectionTrouble(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\.? Resolution note:.*$/s, "");
}

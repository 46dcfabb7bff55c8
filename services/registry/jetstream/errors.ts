import { UncoupleError } from "../../common/errors.ts";

/** As the JetStream API reports errors: `err_code` is the precise one, `code` resembles an HTTP status. */
export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** JetStream error codes that this code depends on (nats-server, server/errors.json). */
export const JetStreamCode = {
  noMessageFound: 10037,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  wrongLastSequence: 10071,
  /** Another write to the subject is on its way (nats-server 2.12 and newer). */
  writeUnderWay: 10164,
  maximumBytesExceeded: 10077,
  consumerNotFound: 10014,
  /** Another consumer of the name has a start of its own, among other reasons. */
  consumerNotCreated: 10012,
  noSuitablePeers: 10005,
  replicasNotSupported: 10074,
  notEnabledForAccount: 10039,
} as const;

/** Limits reached: of the account, of the server's storage or memory, or of a stream. */
const FULL: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077]);

/** An error response of the server, with its error code. */
export class JetStreamError extends UncoupleError {
  readonly jetStream: number;

  constructor(jetStream: number, ...parameters: ConstructorParameters<typeof UncoupleError>) {
    super(...parameters);
    this.jetStream = jetStream;
  }
}

/** @param verb the API call or subject; @param server the server's address, for the message */
export function jetStreamError(error: ApiError, verb: string, server: string): JetStreamError {
  const code = error.err_code ?? 0;
  const text = `${verb} at ${server}: ${error.description ?? "refused"} (${code === 0 ? error.code : code})`;
  if (FULL.has(code)) return new JetStreamError(code, "resource-exhausted", text);
  if (error.code === 503 || code === JetStreamCode.writeUnderWay) return new JetStreamError(code, "unavailable", text);
  if (code === JetStreamCode.wrongLastSequence) return new JetStreamError(code, "conflict", text);
  if (error.code === 404) return new JetStreamError(code, "not-found", text);
  return new JetStreamError(code, "failed-precondition", text);
}

/** Whether the server responded with that error code (see `JetStreamCode`). */
export function isJetStreamError(error: unknown, code: number): boolean {
  return error instanceof JetStreamError && error.jetStream === code;
}

/** Whether a stream needs more servers than there are, or than have room for it. */
export function isTooFewServers(error: unknown): boolean {
  return (
    isJetStreamError(error, JetStreamCode.noSuitablePeers) ||
    isJetStreamError(error, JetStreamCode.replicasNotSupported)
  );
}

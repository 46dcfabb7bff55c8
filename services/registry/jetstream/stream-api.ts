import { UncoupleError } from "../../common/errors.ts";
import { type ApiError, isJetStreamError, JetStreamCode, jetStreamError } from "./errors.ts";
import type { NatsConnection, RequestOptions } from "./nats-connection.ts";

/** A stored message. */
export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: ReadonlyMap<string, string>;
  /** By the server's clock. */
  readonly storedAt: Date;
}

/** Header of a conditional write: the sequence number that the last message of the subject must have, 0 for none. */
export const EXPECTED = "Nats-Expected-Last-Subject-Sequence";
/** Header of a message with its W3C trace context, as OpenTelemetry names it. */
export const TRACEPARENT = "traceparent";
/** What to read of a stream. */
export interface ReadRange {
  /** The first sequence number to read. */
  readonly from: number;
  /** Reads only messages of matching subjects. */
  readonly filter?: string;
  /** Whether to wait for new messages after the last one, or end there. */
  readonly follow: boolean;
}

/** Room for headers and subject beside a payload. */
const ENVELOPE_BYTES = 1024;

/** The sequence number that the last message of the subject must have, or that of the whole stream; 0 for none. */
export type Expected = number | { readonly ofLog: number };

/**
 * Stores a message and returns its sequence number.
 * @param expected undefined: any
 * @throws UncoupleError as NatsConnection.request; JetStreamError with `wrongLastSequence`, with `maximumBytesExceeded` ...;
 *   `resource-exhausted` naming max_payload if the message is too large to send
 */
export async function store(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  expected?: Expected,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  checkPayload(connection, subject, payload);
  return stored(await connection.request(subject, payload, storing(headers, expected)), subject, connection);
}

/** @throws UncoupleError `resource-exhausted` naming max_payload when the message is too large to be sent */
export function checkPayload(connection: NatsConnection, subject: string, payload: Uint8Array): void {
  if (payload.length + ENVELOPE_BYTES <= connection.maxPayload()) return;
  throw new UncoupleError(
    "resource-exhausted",
    `a message of ${payload.length} bytes for ${subject} is too large for the NATS server at ${connection.server}: its max_payload is ${connection.maxPayload()}`,
  );
}

/** Like `store`, but sends before it returns, so that consecutive calls are stored in order. Does not check the size. */
export async function storeNow(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  expected?: Expected,
  headers?: Readonly<Record<string, string>>,
): Promise<number> {
  const options = expected === undefined && headers === undefined ? undefined : storing(headers ?? {}, expected);
  return stored(await connection.requestNow(subject, payload, options), subject, connection);
}

function storing(headers: Readonly<Record<string, string>>, expected: Expected | undefined): RequestOptions {
  if (expected === undefined) return { headers };
  const condition =
    typeof expected === "number"
      ? { [EXPECTED]: String(expected) }
      : { "Nats-Expected-Last-Sequence": String(expected.ofLog) };
  return { headers: { ...headers, ...condition } };
}

function stored(message: { json<T>(): T }, subject: string, connection: NatsConnection): number {
  const answer = message.json<{ seq?: number; error?: ApiError }>();
  if (answer.error !== undefined) throw jetStreamError(answer.error, subject, connection.server);
  if (answer.seq === undefined) {
    throw new UncoupleError("unavailable", `${subject} at ${connection.server} is not kept by a stream`);
  }
  return answer.seq;
}

/** One message, the first at or after a sequence number whose subject matches, or the last of a subject. */
export type MessageChoice =
  | { readonly seq: number; readonly next_by_subj?: string }
  | { readonly last_by_subj: string };

/** Reads a message from the stream's leader, so that everything stored before this call is visible. */
export async function readMessage(
  connection: NatsConnection,
  stream: string,
  which: MessageChoice,
): Promise<StoredMessage | undefined> {
  let answer: { message: { seq: number; subject: string; data?: string; hdrs?: string; time: string } };
  try {
    answer = (await connection.api(`STREAM.MSG.GET.${stream}`, which)) as typeof answer;
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.noMessageFound)) return undefined;
    throw error;
  }
  const { seq, subject, data, hdrs, time } = answer.message;
  return {
    sequence: seq,
    subject,
    data: Buffer.from(data ?? "", "base64"),
    headers: parseHeaders(Buffer.from(hdrs ?? "", "base64").toString()),
    storedAt: new Date(time),
  };
}

/** `NATS/1.0\r\nKey: value\r\n ... \r\n\r\n` */
function parseHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

/** The headers that the publisher gave a message, sorted; those of the server say how it stored the message. */
export function ownHeaders({ headers }: StoredMessage): readonly (readonly [string, string])[] {
  return [...headers].filter(([name]) => !name.startsWith("Nats-")).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** As the JetStream API has it. */
export type StreamConfig = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  /** The streams that it copies. */
  readonly sources?: readonly unknown[];
  readonly deny_delete?: boolean;
};

export interface StreamState {
  readonly config: StreamConfig;
  /** Creation time of the stream on the server's clock; a replacement has a different one. */
  readonly created: string;
  readonly lastSequence: number;
  /** Number of messages: without deleted ones. */
  readonly messages: number;
  /** Messages by subject, of those that match the filter; empty without one. */
  readonly subjects: ReadonlyMap<string, number>;
}

/**
 * @param subjectsFilter the subjects to count the messages of
 * @throws JetStreamError with `streamNotFound`
 */
export async function streamState(
  connection: NatsConnection,
  stream: string,
  subjectsFilter?: string,
): Promise<StreamState> {
  const subjects = new Map<string, number>();
  for (;;) {
    const request = subjectsFilter === undefined ? {} : { subjects_filter: subjectsFilter, offset: subjects.size };
    const answer = (await connection.api(`STREAM.INFO.${stream}`, request)) as {
      config: StreamConfig;
      created: string;
      state: { last_seq: number; messages: number; subjects?: Record<string, number> };
      total?: number;
    };
    const page = Object.entries(answer.state.subjects ?? {});
    for (const [subject, count] of page) subjects.set(subject, count);
    if (page.length === 0 || subjects.size >= (answer.total ?? 0)) {
      const { config, created, state } = answer;
      return { config, created, lastSequence: state.last_seq, messages: state.messages, subjects };
    }
  }
}

/** As `streamState`, but undefined if the server does not have the stream. */
export async function findStream(connection: NatsConnection, stream: string): Promise<StreamState | undefined> {
  try {
    return await streamState(connection, stream);
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.streamNotFound)) return undefined;
    throw error;
  }
}

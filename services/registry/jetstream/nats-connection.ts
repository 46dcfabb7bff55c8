import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection as NatsClient,
  ErrorCode as NatsCode,
  NatsError,
} from "nats";
import type { Clock } from "../../common/clock/clock.ts";
import type { ConnectionState } from "../../common/connection-state.ts";
import { isTransient, UncoupleError } from "../../common/errors.ts";
import { type ApiError, jetStreamError } from "./errors.ts";
import { type LinkOptions, openNatsLink, reasonOf } from "./nats-link.ts";

/** Timeout of every request, including the wait for a connection. */
export const REQUEST_TIMEOUT_MS = 5_000;
/** In a cluster, a repeatable request that is not answered is sent again after this time, and again. */
const REPEAT_MS = 1_000;
/** How long it is repeated: an election takes up to 9 s, and one can follow another. */
const REPEAT_LIMIT_MS = 20_000;
const API = "$JS.API";

export type EventLogger = LinkOptions["log"];

/** A connection to a NATS server. Failed requests throw an UncoupleError. */
export interface NatsConnection {
  /** The address, for messages. */
  readonly server: string;
  /** The clock of everything on this connection. */
  readonly clock: Clock;
  /** Aborts when `close` begins. */
  readonly closed: AbortSignal;
  /** Size limit of a message in bytes, including headers. */
  maxPayload(): number;
  /** Whether the server belongs to a cluster. */
  clustered(): boolean;
  /**
   * Whether the client belongs to an account that owns no streams and may create neither streams nor consumers
   * (`hub-connection.ts`).
   */
  readonly restricted: boolean;
  state(): ConnectionState;
  /**
   * @throws UncoupleError `unavailable` if there is no connection, it broke before the response, or the subject has no
   *   responder; `deadline-exceeded` naming the timeout; `failed-precondition` without permission
   */
  request(subject: string, payload?: string | Uint8Array, options?: RequestOptions): Promise<Msg>;
  /** Sends the request before it returns, or not at all, so that consecutive calls reach the server in order. */
  requestNow(subject: string, payload: Uint8Array, options?: RequestOptions): Promise<Msg>;
  /** As `request`, for a request that does no harm if it is executed again: in a cluster, waits for a new leader. */
  ask(subject: string, payload?: string): Promise<Msg>;
  /**
   * Sends a request to the JetStream API, repeated as by `ask`.
   * @throws UncoupleError as `request`; JetStreamError, which carries the server's error code
   */
  api(verb: string, body?: unknown): Promise<unknown>;
  /** Calls back for every message on a subject until the connection is closed. */
  subscribe(subject: string, heard: (message: Msg) => void): () => void;
  /**
   * Requests a message that may take long to arrive.
   * @returns undefined if none arrived in time or the signal aborted; the server sends none afterward
   * @throws UncoupleError `unavailable` as `request`
   */
  await(subject: string, payload: string, timeoutMs: number, signal: AbortSignal): Promise<Msg | undefined>;
  /**
   * Sends a request that several messages answer, and calls back for each until the returned function is called.
   * @param broke called once if the connection breaks first or the request is not permitted
   */
  collect(
    subject: string,
    payload: string,
    heard: (message: Msg) => void,
    broke: (error: UncoupleError) => void,
  ): () => void;
  /** Sends without waiting. The message is lost if there is no connection. */
  send(subject: string, payload: string): void;
  close(): Promise<void>;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/**
 * Connects, and reconnects indefinitely from then on.
 * @throws UncoupleError `unavailable` naming the server; `unauthenticated` if it refuses the credentials, or its certificate
 *   is not trusted; as `checkNatsAuth`
 */
export async function openNatsConnection(options: LinkOptions): Promise<NatsConnection> {
  const { clock, log } = options;
  const link = await openNatsLink(options);
  const { server } = link;
  const clustered = () => (link.last().info?.cluster ?? "") !== "";

  const send = (
    client: NatsClient,
    subject: string,
    payload: string | Uint8Array,
    given: RequestOptions,
  ): Promise<Msg> => {
    const timeout = given.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const head = headers();
    for (const [key, value] of Object.entries(given.headers ?? {})) head.set(key, value);
    const sent = clock.elapsed();
    const answer = client.request(subject, payload, { timeout, ...(given.headers && { headers: head }) });
    return new Promise<Msg>((resolve, reject) => {
      // A broken connection never delivers the response.
      const stop = link.onBreak(reject);
      answer
        .then(
          (message) => {
            link.heard(client, !isUnavailable(message), sent);
            resolve(message);
          },
          (error: unknown) => {
            // A client that closes reports its requests as timed out.
            if (client.isClosed()) return reject(broken());
            if (error instanceof NatsError && UNANSWERED.has(error.code)) link.heard(client, false, sent);
            reject(failed(error, subject, timeout));
          },
        )
        .finally(stop);
    });
  };
  const broken = () => new UncoupleError("unavailable", `the connection to the NATS server at ${server} broke`);
  const failed = (error: unknown, subject: string, timeout: number): UncoupleError => {
    const code = error instanceof NatsError ? error.code : "";
    if (code === NatsCode.Timeout) {
      return new UncoupleError(
        "deadline-exceeded",
        `the NATS server at ${server} did not answer ${subject} within ${timeout / 1000} s (request timeout)`,
      );
    }
    if (code === NatsCode.NoResponders) {
      return new UncoupleError(
        "unavailable",
        `nobody answers ${subject} at ${server}: is JetStream on and its stream up?`,
        { cause: error },
      );
    }
    if (code === NatsCode.PermissionsViolation) {
      return new UncoupleError("failed-precondition", `the NATS server at ${server} does not permit ${subject}`, {
        cause: error,
      });
    }
    if (code === NatsCode.MaxPayloadExceeded) {
      return new UncoupleError("resource-exhausted", `a message on ${subject} is larger than max_payload of ${server}`);
    }
    return new UncoupleError("unavailable", `${subject} at ${server}: ${reasonOf(error)}`, { cause: error });
  };

  const request: NatsConnection["request"] = async (subject, payload = "", given = {}) =>
    send(await link.connected(given.timeoutMs ?? REQUEST_TIMEOUT_MS), subject, payload, given);
  const ask: NatsConnection["ask"] = (subject, payload = "") => {
    if (!clustered()) return request(subject, payload);
    const start = clock.elapsed();
    return new Promise<Msg>((resolve, reject) => {
      const isOver = () => link.closed.aborted || clock.elapsed() - start >= REPEAT_LIMIT_MS;
      const attempt = async () => {
        try {
          const message = await request(subject, payload);
          if (isUnavailable(message) && !isOver()) return;
          resolve(message);
        } catch (error) {
          if (isTransient(error) && !isOver()) return;
          reject(error);
        }
        repeating.cancel();
      };
      const repeating = clock.every(REPEAT_MS, () => void attempt());
      void attempt();
    });
  };

  return {
    server,
    clock,
    closed: link.closed,
    maxPayload: () => link.last().info?.max_payload ?? 1024 * 1024,
    restricted: false,
    clustered,
    state: link.state,
    request,
    // The promise of an async function: whatever is thrown rejects it.
    requestNow: async (subject, payload, given = {}) => send(link.client(), subject, payload, given),
    ask,
    async api(verb, body) {
      const message = await ask(`${API}.${verb}`, body === undefined ? "" : JSON.stringify(body));
      return answerOf(message, verb, server);
    },
    subscribe(subject, heard) {
      if (link.closed.aborted) return () => {};
      return link.subscribe(subject, (error, message) => {
        if (error === null) heard(message);
        else log("warn", `listening on ${subject} at ${server}: ${reasonOf(error)}`);
      });
    },
    async await(subject, payload, timeoutMs, signal) {
      const client = await link.connected(REQUEST_TIMEOUT_MS);
      if (signal.aborted) return undefined;
      return new Promise<Msg | undefined>((resolve, reject) => {
        const inbox = createInbox();
        const settle = (message?: Msg) => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
          stop();
          subscription.unsubscribe();
          resolve(message);
        };
        const fail = (error: UncoupleError) => {
          reject(error);
          settle();
        };
        const giveUp = () => settle();
        const subscription = client.subscribe(inbox, {
          callback: (error, message) => (error === null ? settle(message) : fail(failed(error, subject, timeoutMs))),
        });
        const timer = clock.after(timeoutMs, settle);
        signal.addEventListener("abort", giveUp, { once: true });
        const stop = link.onBreak(fail);
        client.publish(subject, payload, { reply: inbox });
      });
    },
    collect(subject, payload, heard, broke) {
      const fail = (error: UncoupleError) => {
        stop();
        broke(error);
      };
      if (link.state() !== "connected") {
        queueMicrotask(() => broke(broken()));
        return () => {};
      }
      const client = link.client();
      const inbox = createInbox();
      const subscription = client.subscribe(inbox, {
        callback: (error, message) => (error === null ? heard(message) : fail(failed(error, subject, 0))),
      });
      const unhook = link.onBreak(fail);
      const stop = () => {
        unhook();
        subscription.unsubscribe();
      };
      client.publish(subject, payload, { reply: inbox });
      return stop;
    },
    send(subject, payload) {
      if (link.state() === "connected") link.client().publish(subject, payload);
    },
    close: link.close,
  };
}

/** The answer of the JetStream API. @throws JetStreamError */
export function answerOf(message: Msg, verb: string, server: string): unknown {
  const answer = message.json<{ error?: ApiError }>();
  if (answer.error !== undefined) throw jetStreamError(answer.error, verb, server);
  return answer;
}

const UNANSWERED: ReadonlySet<string> = new Set([NatsCode.Timeout, NatsCode.NoResponders]);

/** Whether JetStream answers that it is temporarily unavailable, as without a leader. */
function isUnavailable(message: Msg): boolean {
  return message.data.length < 1_024 && /"code":\s*503/.test(message.string());
}

import {
  connect,
  createInbox,
  Events,
  headers,
  type Msg,
  type NatsConnection as NatsClient,
  ErrorCode as NatsCode,
  NatsError,
} from "nats";
import { settlesWithin } from "../../common/async/settles-within.ts";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import type { ConnectionState } from "../../common/connection-state.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type ApiError, jetStreamError } from "./errors.ts";

/** Timeout of every request, including the wait for a connection. */
export const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MS = 250;
/** A connection is considered dead after two unanswered pings. */
const PING_INTERVAL_MS = 3_000;
/** A server of a cluster that has answered no request for this long is left for another one. */
const UNANSWERED_MS = 4_000;
const FLUSH_TIMEOUT_MS = 2_000;
const API = "$JS.API";

export type EventLogger = (level: "info" | "warn", message: string) => void;

export interface LinkOptions {
  /** One server or several, comma-separated: `nats://host:port`. */
  readonly url: string;
  /** Name of this client in the server's monitoring. */
  readonly name: string;
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly clock: Clock;
  readonly log: EventLogger;
}

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
  state(): ConnectionState;
  /**
   * @throws UncoupleError `unavailable` if there is no connection, it broke before the response, or the subject has no
   *   responder; `deadline-exceeded` naming the timeout; `failed-precondition` without permission
   */
  request(subject: string, payload?: string | Uint8Array, options?: RequestOptions): Promise<Msg>;
  /** Sends the request before it returns, or not at all, so that consecutive calls reach the server in order. */
  requestNow(subject: string, payload: Uint8Array, options?: RequestOptions): Promise<Msg>;
  /**
   * Sends a request to the JetStream API.
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
 * @throws UncoupleError `unavailable` naming the server
 */
export async function openNatsConnection(options: LinkOptions): Promise<NatsConnection> {
  const { url, clock, log } = options;
  // Keep a password in the address out of logs.
  const server = url.replace(/\/\/[^/@,]*@/g, "//");
  let client: NatsClient;
  try {
    client = await connect({
      servers: url.split(",").map((one) => one.trim()),
      name: options.name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      // Credentials being rotated on the server are not a reason to give up.
      ignoreAuthErrorAbort: true,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      noAsyncTraces: true,
      ...(options.credentials && { user: options.credentials.user, pass: options.credentials.password }),
    });
  } catch (error) {
    throw new UncoupleError("unavailable", `cannot connect to the NATS server at ${server}: ${reasonOf(error)}`, {
      cause: error,
    });
  }

  const closing = new AbortController();
  let state: ConnectionState = "connected";
  let lostAt = 0;
  /** Fails pending requests, whose responses a broken connection will never deliver. */
  const waitingForAnswer = new Set<(error: UncoupleError) => void>();
  let reconnected = new AbortController();

  const servers = url.split(",").length;
  /** When the first of the requests was sent that the server has not answered; undefined if it answered the last one. */
  let unansweredSince: number | undefined;
  /** In a minority of a cluster, a server keeps its clients and serves none of them. */
  const onUnanswered = (sent: number) => {
    unansweredSince ??= sent;
    if (servers < 2 || state !== "connected" || clock.elapsed() - unansweredSince < UNANSWERED_MS) return;
    unansweredSince = undefined;
    log("warn", `the NATS server at ${client.getServer()} answers no requests; connecting to another one`);
    void client.reconnect();
  };

  const broken = () => new UncoupleError("unavailable", `the connection to the NATS server at ${server} broke`);
  const onDisconnect = () => {
    if (state !== "connected") return;
    state = "reconnecting";
    lostAt = clock.elapsed();
    for (const fail of waitingForAnswer) fail(broken());
    log("warn", `lost the NATS server at ${server}; reconnecting until it is back`);
  };
  const onReconnect = () => {
    if (state !== "reconnecting") return;
    state = "connected";
    log("info", `reconnected to the NATS server at ${server} after ${secondsSince(clock, lostAt).toFixed(1)} s`);
    reconnected.abort();
    reconnected = new AbortController();
  };
  const follow = async () => {
    for await (const { type } of client.status()) {
      if (type === Events.Disconnect) onDisconnect();
      else if (type === Events.Reconnect) onReconnect();
    }
  };
  void follow().catch((error: unknown) => log("warn", `the NATS client's status ended: ${reasonOf(error)}`));

  // The client only gives up by itself for reasons that reconnecting cannot fix.
  void client.closed().then((error) => {
    if (closing.signal.aborted) return;
    onDisconnect();
    state = "closed";
    log("warn", `the NATS client gave up on ${server}: ${reasonOf(error)}`);
  });

  const connected = async (timeoutMs: number): Promise<void> => {
    if (state === "reconnecting") {
      const signal = AbortSignal.any([reconnected.signal, closing.signal]);
      await clock.sleep(timeoutMs, signal).catch(() => {});
    }
    if (state === "closed") {
      throw new UncoupleError("unavailable", `the connection to the NATS server at ${server} is closed`);
    }
    if (state === "reconnecting") {
      throw new UncoupleError(
        "unavailable",
        `no connection to the NATS server at ${server} for ${secondsSince(clock, lostAt).toFixed(1)} s; still trying`,
      );
    }
  };

  const requestNow = (subject: string, payload: string | Uint8Array, given: RequestOptions = {}): Promise<Msg> => {
    if (state !== "connected") return Promise.reject(broken());
    const timeout = given.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const head = headers();
    for (const [key, value] of Object.entries(given.headers ?? {})) head.set(key, value);
    const sent = clock.elapsed();
    const answer = client.request(subject, payload, { timeout, ...(given.headers && { headers: head }) });
    return new Promise<Msg>((resolve, reject) => {
      waitingForAnswer.add(reject);
      answer
        .then(
          (message) => {
            if (isUnavailable(message)) onUnanswered(sent);
            else unansweredSince = undefined;
            resolve(message);
          },
          (error: unknown) => {
            if (error instanceof NatsError && UNANSWERED.has(error.code)) onUnanswered(sent);
            reject(failed(error, subject, timeout));
          },
        )
        .finally(() => {
          waitingForAnswer.delete(reject);
        });
    });
  };
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
      );
    }
    if (code === NatsCode.PermissionsViolation) {
      return new UncoupleError("failed-precondition", `the NATS server at ${server} does not permit ${subject}`);
    }
    if (code === NatsCode.MaxPayloadExceeded) {
      return new UncoupleError("resource-exhausted", `a message on ${subject} is larger than max_payload of ${server}`);
    }
    return new UncoupleError("unavailable", `${subject} at ${server}: ${reasonOf(error)}`, { cause: error });
  };

  const request: NatsConnection["request"] = async (subject, payload = "", given = {}) => {
    await connected(given.timeoutMs ?? REQUEST_TIMEOUT_MS);
    return requestNow(subject, payload, given);
  };

  let closed: Promise<void> | undefined;
  const close = async () => {
    closing.abort();
    const wasConnected = state === "connected";
    state = "closed";
    if (wasConnected) await settlesWithin(clock, FLUSH_TIMEOUT_MS, client.flush(), { keepsAlive: false });
    for (const fail of waitingForAnswer) fail(broken());
    await client.close().catch((error: unknown) => log("warn", `closing the NATS client: ${reasonOf(error)}`));
  };

  return {
    server,
    clock,
    closed: closing.signal,
    maxPayload: () => client.info?.max_payload ?? 1024 * 1024,
    clustered: () => (client.info?.cluster ?? "") !== "",
    state: () => state,
    request,
    requestNow,
    async api(verb, body) {
      const message = await request(`${API}.${verb}`, body === undefined ? "" : JSON.stringify(body));
      const answer = message.json<{ error?: ApiError }>();
      if (answer.error !== undefined) throw jetStreamError(answer.error, verb, server);
      return answer;
    },
    subscribe(subject, heard) {
      if (closing.signal.aborted) return () => {};
      const subscription = client.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) heard(message);
          else log("warn", `listening on ${subject} at ${server}: ${reasonOf(error)}`);
        },
      });
      return () => subscription.unsubscribe();
    },
    async await(subject, payload, timeoutMs, signal) {
      await connected(REQUEST_TIMEOUT_MS);
      if (signal.aborted) return undefined;
      return new Promise<Msg | undefined>((resolve, reject) => {
        const inbox = createInbox();
        const settle = (message?: Msg) => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
          waitingForAnswer.delete(fail);
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
        waitingForAnswer.add(fail);
        client.publish(subject, payload, { reply: inbox });
      });
    },
    collect(subject, payload, heard, broke) {
      const fail = (error: UncoupleError) => {
        stop();
        broke(error);
      };
      if (state !== "connected") {
        queueMicrotask(() => broke(broken()));
        return () => {};
      }
      const inbox = createInbox();
      const subscription = client.subscribe(inbox, {
        callback: (error, message) => (error === null ? heard(message) : fail(failed(error, subject, 0))),
      });
      const stop = () => {
        waitingForAnswer.delete(fail);
        subscription.unsubscribe();
      };
      waitingForAnswer.add(fail);
      client.publish(subject, payload, { reply: inbox });
      return stop;
    },
    send(subject, payload) {
      if (state === "connected") client.publish(subject, payload);
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

const UNANSWERED: ReadonlySet<string> = new Set([NatsCode.Timeout, NatsCode.NoResponders]);

/** Whether JetStream answers that it is temporarily unavailable, as without a leader. */
function isUnavailable(message: Msg): boolean {
  return message.data.length < 1_024 && /"code":\s*503/.test(message.string());
}

function reasonOf(error: unknown): string {
  if (error instanceof NatsError) return error.code === error.message ? error.code : `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

import { connect, DebugEvents, type Msg, type NatsConnection as NatsClient, NatsError, type Subscription } from "nats";
import { settlesWithin } from "../../common/async/settles-within.ts";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import type { ConnectionState } from "../../common/connection-state.ts";
import { UncoupleError } from "../../common/errors.ts";
import { authOptions, checkNatsAuth, type NatsAuth, refusal } from "./nats-auth.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Where there are other servers to try. */
const CONNECT_ANY_TIMEOUT_MS = 2_000;
const RECONNECT_WAIT_MS = 250;
/** A connection is considered dead after two unanswered pings. */
const PING_INTERVAL_MS = 3_000;
/** A server of a cluster that has answered no request for this long is left for another one. */
const UNANSWERED_MS = 4_000;
const FLUSH_TIMEOUT_MS = 2_000;

export interface LinkOptions extends NatsAuth {
  /** One server or several, comma-separated: `nats://host:port`. */
  readonly url: string;
  /** Name of this client in the server's monitoring. */
  readonly name: string;
  readonly clock: Clock;
  log(level: "info" | "warn", message: string): void;
}

/**
 * Keeps one client connected to one of the servers. Every connection has a client of its own, because the library
 * (2.29.3) cannot reconnect in all cases: it leaves a server only after its output is sent, which never happens if the
 * server's process is stopped, and what it dialed in vain can disturb later connections.
 */
export interface NatsLink {
  /** The addresses, for messages. */
  readonly server: string;
  /** Aborts when `close` begins. */
  readonly closed: AbortSignal;
  state(): ConnectionState;
  /** The client of the current connection. @throws UncoupleError `unavailable` without a connection */
  client(): NatsClient;
  /** As `client`, but waits for a connection first. */
  connected(timeoutMs: number): Promise<NatsClient>;
  /** The last client, connected or not. */
  last(): NatsClient;
  /** Calls back when the current connection breaks. @returns a function that stops it */
  onBreak(broke: (error: UncoupleError) => void): () => void;
  /** Records that the server has answered a request, or has not. @param sent when it was sent, by `clock.elapsed()` */
  heard(client: NatsClient, answered: boolean, sent: number): void;
  /** Calls back for every message on a subject, on this connection and all later ones. */
  subscribe(subject: string, heard: (error: NatsError | null, message: Msg) => void): () => void;
  close(): Promise<void>;
}

/**
 * Connects, and reconnects indefinitely from then on.
 * @throws UncoupleError `unavailable` naming the server; `unauthenticated` if it refuses the credentials, or its certificate
 *   is not trusted; as `checkNatsAuth`
 */
export async function openNatsLink(options: LinkOptions): Promise<NatsLink> {
  const { url, clock, log } = options;
  // Keep a password in the address out of logs.
  const server = url.replace(/\/\/[^/@,]*@/g, "//");
  checkNatsAuth(options);
  const closing = new AbortController();
  const configured = shuffled(url.split(",").map((one) => one.trim()));
  /** The servers to try, the next one first. */
  let servers = configured;
  let current: NatsClient;
  let state: ConnectionState = "connected";
  let lostAt = 0;
  let reconnected = new AbortController();
  const onBreak = new Set<(error: UncoupleError) => void>();
  const subscriptions = new Map<(error: NatsError | null, message: Msg) => void, Subscribed>();
  /** When the server last answered a request, and when the first request was sent that it has not answered since. */
  let answeredAt = clock.elapsed();
  let unansweredSince: number | undefined;

  const broken = () => new UncoupleError("unavailable", `the connection to the NATS server at ${server} broke`);
  /** Tries every server once. */
  const dial = async (): Promise<NatsClient> => {
    let failure: unknown;
    for (const one of servers) {
      servers = [...servers.filter((other) => other !== one), one];
      try {
        const client = await connect({
          servers: [one],
          name: options.name,
          reconnect: false,
          timeout: servers.length > 1 ? CONNECT_ANY_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
          pingInterval: PING_INTERVAL_MS,
          noAsyncTraces: true,
          ...authOptions(options, one),
        });
        const known = [...configured, ...(client.info?.connect_urls ?? [])];
        const host = (address: string) => address.replace(/^.*\/\//, "");
        servers = [...new Map([...servers, ...known].map((address) => [host(address), address])).values()];
        return client;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  const use = (client: NatsClient) => {
    current = client;
    answeredAt = clock.elapsed();
    unansweredSince = undefined;
    for (const [heard, subscribed] of subscriptions) {
      subscribed.on = client.subscribe(subscribed.subject, { callback: heard });
    }
    void closeIfStale(client).catch((error: unknown) => log("warn", `the NATS client's status: ${reasonOf(error)}`));
    void client.closed().then(() => lost(client));
  };
  const lost = (client: NatsClient) => {
    if (client !== current || state !== "connected") return;
    state = "reconnecting";
    lostAt = clock.elapsed();
    for (const broke of [...onBreak]) broke(broken());
    log("warn", `lost the NATS server at ${server}; reconnecting until it is back`);
    void reconnect();
  };
  const reconnect = async () => {
    while (!closing.signal.aborted) {
      let client: NatsClient;
      try {
        client = await dial();
      } catch {
        await clock.sleep(RECONNECT_WAIT_MS, closing.signal).catch(() => {});
        continue;
      }
      if (closing.signal.aborted) return client.close();
      state = "connected";
      use(client);
      log("info", `reconnected to the NATS server at ${server} after ${secondsSince(clock, lostAt).toFixed(1)} s`);
      reconnected.abort();
      reconnected = new AbortController();
      return;
    }
  };

  try {
    use(await dial());
  } catch (error) {
    const refused = await refusal(error, options, server, url);
    if (refused !== undefined) throw refused;
    throw new UncoupleError("unavailable", `cannot connect to the NATS server at ${server}: ${reasonOf(error)}`, {
      cause: error,
    });
  }

  let closed: Promise<void> | undefined;
  const close = async () => {
    closing.abort();
    const wasConnected = state === "connected";
    state = "closed";
    if (wasConnected) await settlesWithin(clock, FLUSH_TIMEOUT_MS, current.flush(), { keepsAlive: false });
    for (const broke of [...onBreak]) broke(broken());
    await current.close().catch((error: unknown) => log("warn", `closing the NATS client: ${reasonOf(error)}`));
  };
  const client = () => {
    if (state === "connected") return current;
    throw broken();
  };

  return {
    server,
    closed: closing.signal,
    state: () => state,
    client,
    async connected(timeoutMs) {
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
      return client();
    },
    last: () => current,
    onBreak(broke) {
      onBreak.add(broke);
      return () => void onBreak.delete(broke);
    },
    heard(of, answered, sent) {
      if (of !== current || state !== "connected") return;
      if (answered) {
        answeredAt = clock.elapsed();
        unansweredSince = undefined;
      }
      if (answered || sent < answeredAt) return;
      unansweredSince ??= sent;
      // In a minority of a cluster, a server keeps its clients and serves none of them.
      if (servers.length < 2 || clock.elapsed() - unansweredSince < UNANSWERED_MS) return;
      log("warn", `the NATS server at ${current.getServer()} answers no requests; connecting to another one`);
      lost(of);
      void of.close();
    },
    subscribe(subject, heard) {
      const on = state === "connected" ? current.subscribe(subject, { callback: heard }) : undefined;
      subscriptions.set(heard, { subject, on });
      return () => {
        subscriptions.get(heard)?.on?.unsubscribe();
        subscriptions.delete(heard);
      };
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

interface Subscribed {
  readonly subject: string;
  /** On the current connection. */
  on: Subscription | undefined;
}

/** Closes the client if its server answers no pings. By itself, the client would first send what the server does not read. */
async function closeIfStale(client: NatsClient): Promise<void> {
  for await (const { type } of client.status()) if (type === DebugEvents.StaleConnection) await client.close();
}

/** So that the clients of a cluster spread over its servers. */
function shuffled(servers: readonly string[]): readonly string[] {
  return servers
    .map((one) => ({ one, at: Math.random() }))
    .sort((left, right) => left.at - right.at)
    .map(({ one }) => one);
}

export function reasonOf(error: unknown): string {
  if (error instanceof NatsError) return error.code === error.message ? error.code : `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

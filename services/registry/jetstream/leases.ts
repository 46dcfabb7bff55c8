import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { createNotifier } from "../../common/async/notifier.ts";
import type { Timer } from "../../common/clock/clock.ts";
import { isTransient, UncoupleError } from "../../common/errors.ts";
import { heldByAnother, type Lease, type Leases } from "../backplane.ts";
import { checkLease } from "../names.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { readMessage, store } from "./stream-api.ts";
import type { Names } from "./streams.ts";

/**
 * A holder that does not renew for this long loses the lease. Clocks are never compared: a waiter takes over once it has
 * seen one revision unchanged for this long on its own clock, and the holder considers the lease lost after
 * HOLDER_LIMIT_MS without a confirmed renewal on its own clock, counted from sending it. So the holder gives up first.
 */
const LEASE_TTL_MS = 10_000;
const RENEW_MS = 2_500;
const HOLDER_LIMIT_MS = 7_500;
/**
 * In a cluster, a server of version 2.9 checks an expected revision before it has applied the writes that are on their way,
 * so that two writes at one time can both succeed. The later one counts: after this time, it has been applied.
 */
const CONFIRM_MS = 250;
/** Polling interval while no notification arrives. */
const POLL_MS = 1_000;

interface Entry {
  /** 0 if the key never existed. */
  readonly revision: number;
  /** null if the lease is free. */
  readonly held: { readonly token: string; readonly holder: string } | null;
}

export interface JetStreamLeases extends Leases {
  /** Reports all held leases as lost to their holders and releases them. */
  close(): Promise<void>;
}

/** Leases in a key-value bucket (NATS ADR-8): every change is a compare-and-set on the key's revision. */
export function createJetStreamLeases(
  connection: NatsConnection,
  log: EventLogger,
  names: Names["leases"],
): JetStreamLeases {
  const { clock } = connection;
  const key = (name: string) => `${names.subject}.${name}`;
  /** One callback per lease of this process, which ends it as lost. */
  const held = new Set<() => Promise<void>>();
  // A process may host any number of components, each with a lease on its state.
  setMaxListeners(0, connection.closed);

  const read = async (name: string): Promise<Entry> => {
    const message = await readMessage(connection, names.stream, { last_by_subj: key(name) }).catch((cause: unknown) => {
      if (!isJetStreamError(cause, JetStreamCode.streamNotFound)) throw cause;
      const gone = `${names.stream} at ${connection.server} is gone: its store was replaced`;
      throw new UncoupleError("data-loss", `${gone}; restart this service to go on with the new one`, { cause });
    });
    if (message === undefined) return { revision: 0, held: null };
    const value = message.headers.has("KV-Operation") ? null : parse(message.data);
    return { revision: message.sequence, held: value };
  };
  /** @returns the revision if the key now has this token, undefined if it has a different token */
  const write = async (name: string, value: NonNullable<Entry["held"]>, revision: number) => {
    try {
      return await store(connection, key(name), Buffer.from(JSON.stringify(value)), revision);
    } catch (error) {
      if (!isJetStreamError(error, JetStreamCode.wrongLastSequence)) throw error;
      // This may be an earlier attempt whose acknowledgment was lost.
      const now = await read(name);
      return now.held?.token === value.token ? now.revision : undefined;
    }
  };

  const keep = (name: string, value: NonNullable<Entry["held"]>, first: number, sentAt: number): Lease => {
    const lost = new AbortController();
    let revision = first;
    let over = false;
    let busy: Promise<void> | undefined;
    let lapse: Timer | undefined;
    /** @returns false if it had already ended */
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      renewing.cancel();
      lapse?.cancel();
      held.delete(close);
      connection.closed.removeEventListener("abort", onLinkClosed);
      return true;
    };
    const lose = (why: string) => {
      if (!finish()) return;
      log("warn", `lost the lease ${name}: ${why}`);
      lost.abort(new UncoupleError("unavailable", `lost the lease ${name}: ${why}`));
    };
    const lapseAfter = (sent: number) => {
      lapse?.cancel();
      const left = HOLDER_LIMIT_MS - (clock.elapsed() - sent);
      lapse = clock.after(left, () => lose(`not renewed for ${HOLDER_LIMIT_MS / 1000} s`));
    };
    const renew = async () => {
      const sent = clock.elapsed();
      try {
        const next = await write(name, value, revision);
        if (next !== undefined) revision = next;
        if (over) return;
        if (next === undefined) lose("somebody else took it");
        else lapseAfter(sent);
      } catch (error) {
        // The next renewal may succeed; the holder limit decides.
        if (!isTransient(error)) lose(error instanceof Error ? error.message : String(error));
      }
    };
    const giveBack = async () => {
      await busy;
      try {
        await store(connection, key(name), new Uint8Array(), revision, { "KV-Operation": "DEL" });
      } catch (error) {
        // It expires by itself.
        log("warn", `the lease ${name} was not given back: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const close = async () => {
      if (!finish()) return;
      lost.abort(new UncoupleError("cancelled", `the lease ${name} ended with its backplane`));
      await giveBack();
    };
    const renewing = clock.every(RENEW_MS, () => {
      busy ??= renew().finally(() => {
        busy = undefined;
      });
    });
    const onLinkClosed = () => lose("the connection was closed");
    connection.closed.addEventListener("abort", onLinkClosed, { once: true });
    lapseAfter(sentAt);
    held.add(close);
    return {
      lost: lost.signal,
      async release() {
        if (finish()) await giveBack();
      },
    };
  };

  const isConfirmed = async (name: string, token: string): Promise<boolean> => {
    if (!connection.clustered()) return true;
    await clock.sleep(CONFIRM_MS);
    return (await read(name)).held?.token === token;
  };
  const wait = async (name: string, holder: string, signal: AbortSignal, onlyForDead: boolean): Promise<Lease> => {
    checkLease(name);
    const value = { token: randomUUID(), holder };
    const end = AbortSignal.any([signal, connection.closed]);
    const bell = createNotifier();
    const stop = connection.subscribe(key(name), () => bell.notify());
    let watched: { readonly revision: number; readonly since: number; readonly token: string | undefined } | undefined;
    try {
      for (;;) {
        if (end.aborted) throw new UncoupleError("cancelled", `stopped waiting for the lease ${name}`);
        const heard = bell.count;
        try {
          const entry = await read(name);
          const now = clock.elapsed();
          const token = entry.held?.token;
          const mine = token === value.token;
          if (watched === undefined || entry.revision !== watched.revision) {
            const renewed = token !== undefined && token === watched?.token;
            if (onlyForDead && renewed && !mine) throw heldByAnother(name, entry.held?.holder ?? "");
            watched = { revision: entry.revision, since: now, token };
          }
          const unchanged = now - watched.since >= LEASE_TTL_MS;
          if (entry.held === null || mine || unchanged) {
            const sent = clock.elapsed();
            const revision = await write(name, value, entry.revision);
            if (revision !== undefined) {
              if (end.aborted) await keep(name, value, revision, sent).release();
              else if (await isConfirmed(name, value.token)) return keep(name, value, revision, sent);
            }
            continue;
          }
        } catch (error) {
          if (!isTransient(error)) throw error;
          // An outage: keep waiting.
        }
        await bell.waitBeyond(heard, end, { clock, ms: POLL_MS });
      }
    } finally {
      stop();
    }
  };

  return {
    acquire: (name, holder, signal) => wait(name, holder, signal, false),
    claim: (name, holder, signal) => wait(name, holder, signal, true),
    async holder(name) {
      checkLease(name);
      return (await read(name)).held?.holder;
    },
    async close() {
      await Promise.all([...held].map((close) => close()));
    },
  };
}

/** A value written by anything else counts as a lease that is never renewed. */
function parse(data: Uint8Array): NonNullable<Entry["held"]> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (typeof value === "object" && value !== null && "token" in value && "holder" in value) {
      return { token: String(value.token), holder: String(value.holder) };
    }
  } catch {
    // Not JSON.
  }
  return { token: "", holder: "unknown" };
}

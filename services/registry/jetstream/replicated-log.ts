import { randomUUID } from "node:crypto";
import { createNotifier } from "../../common/async/notifier.ts";
import type { Retry } from "../../common/async/retry.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../../common/errors.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { isJetStreamError, JetStreamCode, JetStreamError } from "./errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { checkPayload, readMessage, type StoredMessage, store, streamState } from "./stream-api.ts";
import type { LogNames } from "./streams.ts";

/** Messages requested concurrently while catching up. */
const READ_WINDOW = 32;
/** Polling interval of a watch while no notification arrives: a notification can get lost, a message cannot. */
const POLL_MS = 3_000;
/** Subscribers receive a message shortly before the stream has stored it. */
const SETTLE_MS = [0, 5, 25, 125] as const;
const TOKEN = "Uncouple-Append";

/**
 * Thrown by an append that gives up after it sent its message and before it learned the outcome: the message may be in
 * the stream. The code is `unavailable`, because the next look at the stream tells, unless the cause is `data-loss` or
 * `internal`.
 */
export class OutcomeUnknown extends UncoupleError {
  constructor(cause: unknown) {
    const { code, message } = asUncoupleError(cause);
    const lasting = code === "data-loss" || code === "internal";
    super(lasting ? code : "unavailable", `${message}; the message may have been stored`, { cause });
  }
}

/**
 * An append-only stream and its copy in this process. Readers sync the copy with the stream's leader before reading it, so
 * they see everything stored before the call. Only STREAM.INFO and STREAM.MSG.GET are requested from the server.
 */
export interface ReplicatedLog<T> {
  /** Entries as of the last `sync`, in stream order; positions are stream sequence numbers. */
  readonly entries: readonly Logged<T>[];
  /** The sequence number of the last message on a subject, readable or not; 0 for none. As of the last `sync`. */
  lastSequence(subject: string): number;
  sync(): Promise<void>;
  /**
   * Appends a message if the last one on its subject has the expected sequence number, with the given
   * retries; recognizes its own message when an acknowledgement was lost. The copy has it afterwards.
   * @returns false, and nothing is appended, if another message stands last on the subject
   * @throws OutcomeUnknown if it may have been appended; any other UncoupleError if it was not
   */
  append(subject: string, value: unknown, expected: number, retry: Retry): Promise<boolean>;
  /** @throws UncoupleError for permanent errors, such as `data-loss` if the stream was replaced; waits through outages */
  watch(from: number, signal: AbortSignal): AsyncGenerator<Logged<T>, void, undefined>;
}

/**
 * @param read returns the value of a message; undefined excludes it from the log (the reader logs why)
 */
export function createReplicatedLog<T>(
  connection: NatsConnection,
  names: LogNames,
  read: (message: StoredMessage) => T | undefined,
): ReplicatedLog<T> {
  const entries: Logged<T>[] = [];
  const lastBySubject = new Map<string, number>();
  /** Tokens of this process's unacknowledged appends, and whether they have been seen in the stream. */
  const unacknowledged = new Map<string, boolean>();
  let position = 0;
  /** Creation time of the copied stream. */
  let origin: string | undefined;

  const take = (message: StoredMessage) => {
    position = message.sequence;
    lastBySubject.set(message.subject, message.sequence);
    const token = message.headers.get(TOKEN);
    if (token !== undefined && unacknowledged.has(token)) unacknowledged.set(token, true);
    const value = read(message);
    if (value !== undefined) entries.push({ position: message.sequence, value });
  };
  const replaced = (how: string) =>
    new UncoupleError(
      "data-loss",
      `${names.stream} at ${connection.server} ${how}: its store was replaced; restart this service to go on with the new one`,
    );
  const catchUp = async () => {
    const { created, lastSequence } = await streamState(connection, names.stream).catch((error: unknown) => {
      throw origin !== undefined && isJetStreamError(error, JetStreamCode.streamNotFound) ? replaced("is gone") : error;
    });
    origin ??= created;
    // A replacement may be as long as the old stream, with different messages at the same positions.
    if (created !== origin) throw replaced(`was created at ${created}, and the one before at ${origin}`);
    if (lastSequence < position) throw replaced(`ends at ${lastSequence}, and was at ${position} before`);
    while (position < lastSequence) {
      const window = Math.min(READ_WINDOW, lastSequence - position);
      const from = position + 1;
      const messages = await Promise.all(
        Array.from({ length: window }, (_, i) => readMessage(connection, names.stream, { seq: from + i })),
      );
      for (const message of messages) if (message !== undefined) take(message);
      position = from + window - 1;
    }
  };

  // Callers share a sync that has not started; a running one may have asked the leader before they called.
  let running: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;
  const sync = (): Promise<void> => {
    queued ??= running
      .catch(() => {})
      .then(() => {
        queued = undefined;
        running = catchUp();
        return running;
      });
    return queued;
  };

  const bell = createNotifier();
  let listening = false;
  const listen = () => {
    if (listening) return;
    listening = true;
    connection.subscribe(`${names.subject}.>`, () => bell.notify());
  };

  return {
    entries,
    lastSequence: (subject) => lastBySubject.get(subject) ?? 0,
    sync,
    async append(subject, value, expected, retry) {
      const payload = Buffer.from(JSON.stringify(value));
      checkPayload(connection, subject, payload);
      const token = randomUUID();
      unacknowledged.set(token, false);
      let maybeStored = false;
      const attempt = async () => {
        try {
          await store(connection, subject, payload, expected, { [TOKEN]: token });
        } catch (error) {
          // After anything but a jetStreamError, the message may have been stored or still be on its way.
          if (!(error instanceof JetStreamError)) maybeStored = true;
          throw error;
        }
        maybeStored = true;
      };
      try {
        for (;;) {
          try {
            await attempt();
            await sync();
            return true;
          } catch (error) {
            if (!isJetStreamError(error, JetStreamCode.wrongLastSequence)) await retry.wait(error);
          }
          // The message may be stored although no acknowledgment arrived: only the stream knows.
          try {
            await sync();
          } catch (error) {
            await retry.wait(error);
            continue;
          }
          if (unacknowledged.get(token) === true) return true;
          if ((lastBySubject.get(subject) ?? 0) !== expected) return false;
        }
      } catch (error) {
        throw maybeStored ? new OutcomeUnknown(error) : error;
      } finally {
        unacknowledged.delete(token);
      }
    },
    async *watch(from, signal) {
      const end = AbortSignal.any([signal, connection.closed]);
      listen();
      let next = from;
      let index = 0;
      let woken = false;
      while (!end.aborted) {
        const heard = bell.count;
        let found = false;
        for (const settle of woken ? SETTLE_MS : [0]) {
          if (settle > 0) await connection.clock.sleep(settle);
          try {
            await sync();
          } catch (error) {
            if (end.aborted) return;
            if (!isTransient(error)) throw error;
            break;
          }
          for (let entry = entries[index]; entry !== undefined; entry = entries[++index]) {
            if (entry.position < next) continue;
            if (end.aborted) return;
            next = entry.position + 1;
            found = true;
            yield entry;
          }
          if (found) break;
        }
        if (!found) await bell.waitBeyond(heard, end, { clock: connection.clock, ms: POLL_MS });
        woken = bell.count > heard;
      }
    },
  };
}

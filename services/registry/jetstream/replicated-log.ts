import { randomUUID } from "node:crypto";
import { createNotifier } from "../../common/async/notifier.ts";
import { createRetry, type Retry } from "../../common/async/retry.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../../common/errors.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import type { Reader } from "./codec.ts";
import { isJetStreamError, JetStreamCode, JetStreamError } from "./errors.ts";
import { createLogStream } from "./log-stream.ts";
import { type EventLogger, type NatsConnection, REQUEST_TIMEOUT_MS } from "./nats-connection.ts";
import { createRecentEntries } from "./recent-entries.ts";
import { retryPolicy } from "./retry-policy.ts";
import {
  checkPayload,
  EXPECTED,
  type Expected,
  readMessage,
  type StoredMessage,
  store,
  TRACEPARENT,
} from "./stream-api.ts";
import { readStream } from "./stream-reader.ts";
import type { LogNames } from "./streams.ts";

/** A sync that gets nothing for this long has the stream read again: its last messages may have been deleted. */
const STALLED_MS = 1_000;
/** And again after this long: a cluster may have placed the consumer on a server that does not work. */
const STALLED_AGAIN_MS = 3_000;
/** A sync that gets nothing for this long fails. */
const SYNC_TIMEOUT_MS = 15_000;
const RESTART_MS = 250;
/** How long a read of old entries goes on without progress: a cluster may have to elect a leader. */
const READ_LIMIT_MS = 20_000;
/** Entries per page of history. */
const PAGE = 256;
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

/** What a log makes of its messages. */
export interface LogReader<T> {
  /** Decodes the data of a message. Called again whenever an entry that is no longer in memory is needed. */
  readonly decode: Reader<T>;
  /**
   * Called once for each message, in stream order, to index it.
   * @returns why the message is not an entry of the log, or undefined if it is one
   */
  take(message: StoredMessage, read: ReturnType<Reader<T>>): string | undefined;
}

/**
 * An append-only stream and this process's index of it. One consumer follows the stream from the first use on; the index
 * and the newest entries are held in memory, older entries are read when asked for. Readers sync with the stream's leader
 * first, so they see everything stored before the call.
 */
export interface ReplicatedLog<T> {
  /** The sequence number of the last message on a subject, readable or not; 0 for none. As of the last `sync`. */
  lastSequence(subject: string): number;
  /** The position of the newest entry, 0 for none. As of the last `sync`. */
  end(): number;
  /** The sequence number of the last message of all, readable or not. As of the last `sync`. */
  last(): number;
  /** Ends when the index has everything that was stored before the call. */
  sync(): Promise<void>;
  /**
   * Appends a message if the last one on its subject, or of the whole log, has the expected sequence number, with the given
   * retries; recognizes its own message when an acknowledgement was lost. The index has it afterwards.
   * @param traceparent W3C trace context, a header of the message
   * @returns its position; undefined, and nothing is appended, if another message stands last
   * @throws OutcomeUnknown if it may have been appended; any other UncoupleError if it was not
   */
  append(
    subject: string,
    value: unknown,
    expected: Expected,
    retry: Retry,
    traceparent?: string,
  ): Promise<number | undefined>;
  /** Returns the entry at a position that has been indexed. @throws UncoupleError `data-loss` if it is gone */
  at(position: number): Promise<T>;
  /** As `at`, but undefined if the entry was removed. */
  find(position: number): Promise<T | undefined>;
  /** Reads the indexed entries from a position on, inclusive, in order. @param filter only those of matching subjects */
  read(from: number, filter?: string): AsyncGenerator<Logged<T>, void, undefined>;
  /** @throws UncoupleError for permanent errors, such as `data-loss` if the stream was replaced; waits through outages */
  watch(from: number, signal: AbortSignal): AsyncGenerator<Logged<T>, void, undefined>;
}

/**
 * Whether another message had come first when this one was stored. In a cluster, version 2.9 of nats-server checks the
 * expected sequence number before earlier writes have been applied, unless it is 0, so that it can store two messages
 * that arrive together. Every reader leaves out the second one, and its append returns undefined.
 */
export function isOvertaken({ headers }: StoredMessage, last: number | undefined): boolean {
  const expected = headers.get(EXPECTED);
  return expected !== undefined && last !== undefined && last > Number(expected);
}

export function createReplicatedLog<T>(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  reader: LogReader<T>,
): ReplicatedLog<T> {
  const { clock, closed } = connection;
  const recent = createRecentEntries<T>();
  const lastBySubject = new Map<string, number>();
  /** Positions of messages that are no entries. */
  const excluded = new Set<number>();
  /** Tokens of this process's unacknowledged appends, and the position at which they have been seen in the stream. */
  const unacknowledged = new Map<string, number | undefined>();
  /** Everything up to here is indexed. */
  let position = 0;
  let end = 0;
  const stream = createLogStream(connection, names);
  /** How many messages of a log that is compacted have been removed. */
  let removed = 0;

  const take = (message: StoredMessage) => {
    const { sequence, subject } = message;
    position = sequence;
    const overtaken = isOvertaken(message, lastBySubject.get(subject));
    lastBySubject.set(subject, sequence);
    const token = message.headers.get(TOKEN);
    if (token !== undefined && unacknowledged.has(token) && !overtaken) unacknowledged.set(token, sequence);
    if (subject === names.successor?.pointer) {
      excluded.add(sequence);
      return;
    }
    const read = reader.decode(message.data);
    const wrong = overtaken ? "another message came first" : reader.take(message, read);
    if (wrong === undefined && "value" in read) {
      end = sequence;
      recent.add({ position: sequence, value: read.value });
    } else {
      excluded.add(sequence);
      log("warn", `${stream.name()} ${sequence} (${subject}) is left out: ${wrong}`);
    }
  };
  /** @returns the sequence number of the stream's last message */
  const look = async (): Promise<number> => {
    const before = stream.name();
    // More may be delivered before the answer arrives.
    const { lastSequence, messages } = await stream.look(position);
    if (stream.name() !== before) restart.abort();
    if (names.successor !== undefined && lastSequence - messages !== removed) {
      // Some of what is held in memory may be gone.
      removed = lastSequence - messages;
      if (position > 0) recent.clear(position + 1);
    }
    return lastSequence;
  };

  const moved = createNotifier();
  /** Syncs that wait for a sequence number. They are many messages behind at the start, so not every one wakes them. */
  const waiting = new Set<{ readonly sequence: number; readonly wake: () => void }>();
  const wake = (upTo: number) => {
    moved.notify();
    for (const waiter of waiting) if (waiter.sequence <= upTo) waiter.wake();
  };
  /** Why the stream cannot be followed at the moment. */
  let trouble: UncoupleError | undefined;
  let restart = new AbortController();
  const follow = async (signal: AbortSignal) => {
    const last = await look();
    if (stream.isFrozen() && position >= last) {
      throw new UncoupleError("unavailable", `${stream.name()} at ${connection.server} waits for its successor`);
    }
    const range = { from: position + 1, follow: true };
    for await (const messages of readStream(connection, stream.name(), range, signal)) {
      for (const message of messages) take(message);
      // Whatever was stored after the last message that is left has been deleted.
      if (messages.length === 0) position = Math.max(position, last);
      trouble = undefined;
      wake(position);
      // Only a frozen stream gets a pointer: it goes on in another one.
      if (messages.some(({ subject }) => subject === names.successor?.pointer)) return;
    }
  };
  const followForever = async () => {
    while (!closed.aborted) {
      restart = new AbortController();
      try {
        await follow(AbortSignal.any([closed, restart.signal]));
      } catch (thrown) {
        trouble = asUncoupleError(thrown);
        wake(Number.POSITIVE_INFINITY);
        await clock.sleep(RESTART_MS, closed).catch(() => {});
      }
    }
    wake(Number.POSITIVE_INFINITY);
  };
  let following = false;
  const ensureFollowing = () => {
    if (following) return;
    following = true;
    void followForever();
  };
  /** Waits until a sequence number is indexed or cannot be for now, at most a second. */
  const waitFor = (sequence: number) =>
    new Promise<void>((resolve) => {
      const waiter = {
        sequence,
        wake() {
          waiting.delete(waiter);
          timer.cancel();
          resolve();
        },
      };
      const timer = clock.after(STALLED_MS, waiter.wake);
      waiting.add(waiter);
    });
  /** Waits until everything up to a sequence number is indexed. */
  const reaches = async (sequence: number) => {
    ensureFollowing();
    let before = position;
    let progress = clock.elapsed();
    let restartAfter = STALLED_MS;
    while (position < sequence) {
      if (closed.aborted) throw new UncoupleError("unavailable", `the connection to ${connection.server} is closed`);
      if (trouble !== undefined && !isTransient(trouble)) throw trouble;
      await waitFor(sequence);
      const waited = clock.elapsed() - progress;
      if (position !== before) {
        before = position;
        progress = clock.elapsed();
        restartAfter = STALLED_MS;
      } else if (waited > SYNC_TIMEOUT_MS || (waited > REQUEST_TIMEOUT_MS && trouble !== undefined)) {
        const late = `${stream.name()} at ${connection.server} delivered nothing for ${SYNC_TIMEOUT_MS / 1000} s`;
        throw trouble ?? new UncoupleError("deadline-exceeded", late);
      } else if (waited >= restartAfter) {
        restartAfter = waited + STALLED_AGAIN_MS;
        restart.abort();
      }
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
        running = look().then(reaches);
        return running;
      });
    return queued;
  };

  const decodeEntry = (message: StoredMessage): T => {
    const read = reader.decode(message.data);
    if ("value" in read) return read.value;
    throw new UncoupleError("data-loss", `${stream.name()} ${message.sequence} cannot be read again: ${read.wrong}`);
  };
  /** Reads what is indexed now and no longer in memory, from a position on. Goes on where a lost consumer stopped. */
  async function* readStored(from: number, filter?: string): AsyncGenerator<Logged<T>, void, undefined> {
    const last = position;
    const retry = createRetry(retryPolicy(connection, READ_LIMIT_MS));
    let next = from;
    for (;;) {
      const range = { from: next, follow: false, ...(filter !== undefined && { filter }) };
      try {
        for await (const messages of readStream(connection, stream.name(), range, closed)) {
          retry.progress();
          for (const message of messages) {
            if (message.sequence > last) return;
            next = message.sequence + 1;
            if (!excluded.has(message.sequence)) yield { position: message.sequence, value: decodeEntry(message) };
          }
        }
        return;
      } catch (error) {
        await retry.wait(error);
      }
    }
  }

  const find = async (wanted: number): Promise<T | undefined> => {
    const known = recent.get(wanted);
    if (known !== undefined) return known;
    const message = await readMessage(connection, stream.name(), { seq: wanted });
    if (message === undefined) return undefined;
    const value = decodeEntry(message);
    recent.keep(wanted, value);
    return value;
  };

  return {
    lastSequence: (subject) => lastBySubject.get(subject) ?? 0,
    end: () => end,
    last: () => position,
    sync,
    async append(subject, value, expected, retry, traceparent) {
      const payload = Buffer.from(JSON.stringify(value));
      checkPayload(connection, subject, payload);
      const token = randomUUID();
      const headers = { [TOKEN]: token, ...(traceparent !== undefined && { [TRACEPARENT]: traceparent }) };
      unacknowledged.set(token, undefined);
      let maybeStored = false;
      const attempt = async (): Promise<number> => {
        let sequence: number;
        try {
          sequence = await store(connection, subject, payload, expected, headers);
        } catch (error) {
          // After anything but an error of JetStream or a missing permission, it may have been stored or still be on its way.
          const isRefused = error instanceof JetStreamError || asUncoupleError(error).code === "failed-precondition";
          if (!isRefused) maybeStored = true;
          throw error;
        }
        maybeStored = true;
        return sequence;
      };
      try {
        for (;;) {
          try {
            await reaches(await attempt());
            const stored = unacknowledged.get(token);
            if (stored !== undefined) return stored;
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
          const stored = unacknowledged.get(token);
          if (stored !== undefined) return stored;
          const last = typeof expected === "number" ? (lastBySubject.get(subject) ?? 0) : position;
          if (last !== (typeof expected === "number" ? expected : expected.ofLog)) return undefined;
        }
      } catch (error) {
        throw maybeStored ? new OutcomeUnknown(error) : error;
      } finally {
        unacknowledged.delete(token);
      }
    },
    async at(wanted) {
      const found = await find(wanted);
      if (found === undefined) throw new UncoupleError("data-loss", `${stream.name()} ${wanted} was deleted`);
      return found;
    },
    find,
    async *read(from, filter) {
      let next = from;
      if (filter === undefined && recent.covers(from)) {
        for (const entry of recent.from(from)) {
          next = entry.position + 1;
          yield entry;
        }
        if (recent.covers(next)) return;
      }
      yield* readStored(next, filter);
    },
    async *watch(from, signal) {
      const over = AbortSignal.any([signal, closed]);
      if (over.aborted) return;
      ensureFollowing();
      let next = Math.max(1, from);
      while (!over.aborted) {
        const seen = moved.count;
        try {
          if (trouble !== undefined && !isTransient(trouble)) throw trouble;
          if (next <= end) {
            const upTo = end;
            const isHeld = recent.covers(next);
            let count = 0;
            for await (const entry of isHeld ? recent.from(next) : readStored(next)) {
              if (over.aborted) return;
              next = entry.position + 1;
              yield entry;
              // Catch up with what has become recent meanwhile.
              if (++count >= PAGE && recent.covers(next)) break;
            }
            // The others up to there have been removed.
            if (!isHeld && count < PAGE) next = Math.max(next, upTo + 1);
            continue;
          }
        } catch (error) {
          if (over.aborted) return;
          if (!isTransient(error)) throw error;
          await clock.sleep(RESTART_MS, over).catch(() => {});
          continue;
        }
        await moved.waitBeyond(seen, over);
      }
    },
  };
}

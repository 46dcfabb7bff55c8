import { createRetry } from "../../../common/async/retry.ts";
import { isJetStreamError, JetStreamCode } from "../errors.ts";
import { createLogStream } from "../log-stream.ts";
import type { NatsConnection } from "../nats-connection.ts";
import { isOvertaken } from "../replicated-log.ts";
import { retryPolicy } from "../retry-policy.ts";
import type { StoredMessage, StreamConfig } from "../stream-api.ts";
import { readStream } from "../stream-reader.ts";
import type { LogNames } from "../streams.ts";

/** How long a read goes on without progress: a cluster may have to elect a leader. */
export const READ_LIMIT_MS = 60_000;

/** A log at one moment. */
export interface LogHead {
  readonly stream: string;
  readonly config: StreamConfig;
  /** The position of its last message. */
  readonly last: number;
}

/** Looks at a log; undefined if the server does not have it. */
export async function headOf(
  connection: NatsConnection,
  names: LogNames,
  signal: AbortSignal,
): Promise<LogHead | undefined> {
  const stream = createLogStream(connection, names);
  try {
    const retries = createRetry(retryPolicy(connection, READ_LIMIT_MS, signal));
    const { config, lastSequence } = await retries.run(() => stream.look(0));
    return { stream: stream.name(), config, last: lastSequence };
  } catch (error) {
    if (isJetStreamError(error, JetStreamCode.streamNotFound)) return undefined;
    throw error;
  }
}

/**
 * Reads the messages of a log up to its head that readers take in: without pointers to successors, and without those that
 * were stored although another message had come first.
 * @throws UncoupleError; the signal's reason
 */
export async function* messagesUpTo(
  connection: NatsConnection,
  names: LogNames,
  { stream, last }: LogHead,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<StoredMessage, void, undefined> {
  const retries = createRetry(retryPolicy(connection, READ_LIMIT_MS, signal));
  const lastBySubject = new Map<string, number>();
  for (let next = from; next <= last; ) {
    try {
      for await (const messages of readStream(connection, stream, { from: next, follow: false }, signal)) {
        signal.throwIfAborted();
        retries.progress();
        for (const message of messages) {
          const { sequence, subject } = message;
          if (sequence > last) return;
          next = sequence + 1;
          const isLeftOut = subject === names.successor?.pointer || isOvertaken(message, lastBySubject.get(subject));
          lastBySubject.set(subject, sequence);
          if (!isLeftOut) yield message;
        }
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      await retries.wait(error);
    }
  }
}

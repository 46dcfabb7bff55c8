import { UncoupleError } from "../../common/errors.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { ownHeaders, type StoredMessage } from "./stream-api.ts";
import { readStream } from "./stream-reader.ts";

/** A copy has other messages than its original. */
export class Difference extends UncoupleError {}

/**
 * Compares the messages of two streams by sequence number: subject, data, and the headers that publishers gave them.
 * @param range of sequence numbers, inclusive
 * @throws Difference; UncoupleError `unavailable`
 */
export async function verifyCopy(
  connection: NatsConnection,
  original: string,
  copy: string,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<void> {
  if (from > to) return;
  const copies = messagesOf(connection, copy, from, signal);
  try {
    for await (const message of messagesOf(connection, original, from, signal)) {
      const copied = await copies.next();
      signal.throwIfAborted();
      if (copied.done || !isCopy(message, copied.value)) {
        throw new Difference(
          "data-loss",
          `${copy} at ${connection.server} differs from ${original} at ${message.sequence}`,
        );
      }
      if (message.sequence >= to) return;
    }
  } finally {
    await copies.return();
  }
  signal.throwIfAborted();
  throw new UncoupleError("unavailable", `${original} at ${connection.server} did not deliver all messages`);
}

async function* messagesOf(
  connection: NatsConnection,
  stream: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<StoredMessage, void, undefined> {
  for await (const messages of readStream(connection, stream, { from, follow: false }, signal)) yield* messages;
}

function isCopy(one: StoredMessage, other: StoredMessage): boolean {
  return (
    one.sequence === other.sequence &&
    one.subject === other.subject &&
    Buffer.compare(one.data, other.data) === 0 &&
    JSON.stringify(ownHeaders(one)) === JSON.stringify(ownHeaders(other))
  );
}

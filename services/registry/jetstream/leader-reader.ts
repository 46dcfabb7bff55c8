import { createNotifier } from "../../common/async/notifier.ts";
import { backoffMs } from "../../common/async/retry.ts";
import type { NatsConnection } from "./nats-connection.ts";
import { type ReadRange, readMessage, type StoredMessage } from "./stream-api.ts";

/** Messages that are asked for at a time. */
const WINDOW = 32;
/** The server tells of a message before it can be read: how soon, and how rarely, the reader looks again. */
const LOOK = { firstDelayMs: 5, longestDelayMs: 2_000 };

/**
 * Reads a stream in order by asking its leader for one message after another, for clients that must not create consumers: a
 * consumer delivers to any subject that its creator names, with the rights of the account that owns the stream.
 *
 * @throws UncoupleError as NatsConnection.api
 */
export async function* readFromLeader(
  connection: NatsConnection,
  stream: string,
  { from, filter = ">", follow }: ReadRange,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredMessage[], void, undefined> {
  const { clock } = connection;
  const { config } = (await connection.api(`STREAM.INFO.${stream}`)) as { config: { subjects: string[] } };
  const stored = createNotifier();
  const stops = follow ? config.subjects.map((one) => connection.subscribe(one, () => stored.notify())) : [];
  let next = Math.max(1, from);
  let width = 1;
  let looks = 0;
  let yielded = false;
  try {
    while (!signal.aborted) {
      const seen = stored.count;
      const messages = await window(connection, stream, filter, next, width);
      const last = messages.at(-1);
      if (last !== undefined || !yielded) yield messages;
      yielded = true;
      if (last !== undefined) {
        next = last.sequence + 1;
        width = WINDOW;
        looks = 0;
      } else if (follow) {
        width = 1;
        await stored.waitBeyond(seen, signal, { clock, ms: backoffMs(LOOK, ++looks) });
        if (stored.count !== seen) looks = 0;
      } else {
        return;
      }
    }
  } finally {
    for (const stop of stops) stop();
  }
}

/** The messages at and after a sequence number: at most `width`, fewer where some were deleted. */
async function window(
  connection: NatsConnection,
  stream: string,
  filter: string,
  from: number,
  width: number,
): Promise<readonly StoredMessage[]> {
  const asked = Array.from({ length: width }, (_, index) =>
    readMessage(connection, stream, { seq: from + index, next_by_subj: filter }),
  );
  const bySequence = new Map<number, StoredMessage>();
  for (const message of await Promise.all(asked)) if (message !== undefined) bySequence.set(message.sequence, message);
  return [...bySequence.values()].sort((left, right) => left.sequence - right.sequence);
}

import type { Msg } from "nats";
import { createNotifier } from "../../common/async/notifier.ts";
import { UncoupleError } from "../../common/errors.ts";
import { readFromLeader } from "./leader-reader.ts";
import { type NatsConnection, REQUEST_TIMEOUT_MS } from "./nats-connection.ts";
import type { ReadRange, StoredMessage } from "./stream-api.ts";

/** Messages per pull: few enough to hold in memory, many enough that the round trip does not count. */
const BATCH = 2_000;
/** How long the server keeps a pull that waits for new messages. */
const PULL_MS = 20_000;
/** How often it tells that such a pull is alive. */
const HEARTBEAT_MS = 2_000;
/** The server removes a consumer that is not used for this long, such as that of a process that died. */
const INACTIVE_MS = 60_000;
const NANOS_PER_MS = 1_000_000;

/**
 * Reads a stream in order through one consumer (an ordered consumer, NATS ADR-17, that pulls). The reader's pace limits
 * what is requested. The first batch can be empty: then the stream had no messages from that position on.
 *
 * @throws UncoupleError `unavailable` if the consumer was lost or skipped a message: read again after the last message
 */
export async function* readStream(
  connection: NatsConnection,
  stream: string,
  { from, filter, follow }: ReadRange,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredMessage[], void, undefined> {
  if (connection.restricted) {
    yield* readFromLeader(connection, stream, { from, follow, ...(filter !== undefined && { filter }) }, signal);
    return;
  }
  const { name, num_pending } = (await connection.api(`CONSUMER.CREATE.${stream}`, {
    stream_name: stream,
    config: {
      deliver_policy: "by_start_sequence",
      opt_start_seq: Math.max(1, from),
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
      ...(filter !== undefined && { filter_subject: filter }),
    },
  })) as { name: string; num_pending: number };
  try {
    if (num_pending === 0) yield [];
    let delivered = 0;
    let pending = num_pending;
    while (!signal.aborted && (follow || pending > 0)) {
      const before = delivered;
      for await (const messages of pull(connection, `${stream}.${name}`, follow, signal)) {
        const read: StoredMessage[] = [];
        for (const message of messages) {
          const place = placeOf(message);
          if (place.delivered !== ++delivered) {
            throw new UncoupleError("unavailable", `${stream} at ${connection.server}: its consumer skipped a message`);
          }
          pending = place.pending;
          read.push(stored(message, place));
        }
        yield read;
      }
      // The rest has been deleted.
      if (!follow && delivered === before) return;
    }
  } finally {
    if (connection.state() === "connected") connection.send(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, "");
  }
}

/**
 * Yields what has arrived of one pull, until it is complete or has expired.
 * @param wait whether the pull waits for new messages
 */
async function* pull(
  connection: NatsConnection,
  consumer: string,
  wait: boolean,
  signal: AbortSignal,
): AsyncGenerator<readonly Msg[], void, undefined> {
  const arrived = createNotifier();
  let messages: Msg[] = [];
  let count = 0;
  let over = false;
  let failure: UncoupleError | undefined;
  const fail = (error: UncoupleError) => {
    failure ??= error;
    arrived.notify();
  };
  const heard = (message: Msg) => {
    const status = message.headers?.code ?? 0;
    if (status === 0) {
      messages.push(message);
      over = ++count === BATCH;
    } else if (status === 404 || status === 408) {
      over = true;
    } else if (status !== 100) {
      // The consumer was deleted, or its server is shutting down or no longer its leader.
      fail(new UncoupleError("unavailable", `${consumer}: ${message.headers?.description ?? status}`));
    }
    arrived.notify();
  };
  const request = JSON.stringify({
    batch: BATCH,
    ...(wait ? { expires: PULL_MS * NANOS_PER_MS, idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS } : { no_wait: true }),
  });
  const stop = connection.collect(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, request, heard, fail);
  const limit = { clock: connection.clock, ms: REQUEST_TIMEOUT_MS };
  try {
    while (!signal.aborted) {
      const seen = arrived.count;
      if (messages.length > 0) {
        const ready = messages;
        messages = [];
        yield ready;
      }
      if (messages.length > 0) continue;
      if (failure !== undefined) throw failure;
      if (over) return;
      await arrived.waitBeyond(seen, signal, limit);
      if (arrived.count === seen && !signal.aborted) {
        throw new UncoupleError("unavailable", `${consumer} at ${connection.server} does not answer`);
      }
    }
  } finally {
    stop();
  }
}

interface Place {
  readonly sequence: number;
  /** Messages that the consumer has delivered, including this one. */
  readonly delivered: number;
  /** Messages that it has still to deliver. */
  readonly pending: number;
  readonly storedAt: Date;
}

/** Parses `$JS.ACK.[domain.account.]stream.consumer.deliveries.sequence.delivered.time.pending` (NATS ADR-15). */
function placeOf(message: Msg): Place {
  const tokens = (message.reply ?? "").split(".");
  const skipped = tokens.length > 9 ? 2 : 0;
  const token = (index: number) => Number(tokens[index + skipped]);
  return { sequence: token(5), delivered: token(6), pending: token(8), storedAt: new Date(token(7) / NANOS_PER_MS) };
}

function stored(message: Msg, { sequence, storedAt }: Place): StoredMessage {
  const headers = new Map<string, string>();
  for (const key of message.headers?.keys() ?? []) headers.set(key, message.headers?.get(key) ?? "");
  return { sequence, subject: message.subject, data: message.data, headers, storedAt };
}

import type { Msg } from "nats";
import { createRetry } from "../../common/async/retry.ts";
import { isTransient, UncoupleError } from "../../common/errors.ts";
import type { WorkItem, WorkQueue } from "../backplane.ts";
import { redeliveryDelayMs } from "../redelivery.ts";
import type { Announcements } from "./announcements.ts";
import { isJetStreamError, JetStreamCode } from "./errors.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { retryPolicy } from "./retry-policy.ts";
import { TRACEPARENT } from "./stream-api.ts";
import type { LogNames } from "./streams.ts";

/** An item is redelivered if its worker sends no heartbeat for this long. */
const ACK_WAIT_MS = 10_000;
const HEARTBEAT_MS = 3_000;
/** Maximum number of items held by all workers of a group. */
const MAX_ACK_PENDING = 256;
/** How long the server keeps a pull request before it is renewed. */
const PULL_MS = 5_000;
/** How much later its answer may arrive; then the server counts as lost. */
const LATE_MS = 2_000;
const AFTER_REFUSAL_MS = 500;
/**
 * After so many acknowledgments without an answer, the consumer does not know the delivery: its new leader in a cluster
 * may have missed it. It delivers the item again, and a worker finds it finished.
 */
const UNANSWERED_ACKS = 2;
const NANOS_PER_MS = 1_000_000;

/**
 * Creates the durable pull consumer of a group.
 * @param after the position after which it begins
 */
export async function createQueue(
  connection: NatsConnection,
  { stream }: LogNames,
  group: string,
  after: number,
): Promise<void> {
  await connection.api(`CONSUMER.DURABLE.CREATE.${stream}.${group}`, {
    stream_name: stream,
    config: {
      durable_name: group,
      ...(after === 0 ? { deliver_policy: "all" } : { deliver_policy: "by_start_sequence", opt_start_seq: after + 1 }),
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
      max_ack_pending: MAX_ACK_PENDING,
      max_deliver: -1,
      replay_policy: "instant",
    },
  });
}

/** One durable pull consumer, shared by all workers of the group. */
export function createJetStreamWorkQueue(
  connection: NatsConnection,
  log: EventLogger,
  names: LogNames,
  group: string,
  announcements: Announcements,
  retryLimitMs: number,
): WorkQueue {
  const { clock } = connection;
  const consumer = `${names.stream}.${group}`;
  const info = async () =>
    (await connection.api(`CONSUMER.INFO.${consumer}`)) as { num_pending: number; num_ack_pending: number };
  const create = () => createQueue(connection, names, group, 0);
  let ensured: Promise<unknown> | undefined;
  const ensure = () => {
    ensured ??= info()
      .catch((error: unknown) => {
        if (isJetStreamError(error, JetStreamCode.consumerNotFound)) return create();
        throw error;
      })
      .catch((error: unknown) => {
        ensured = undefined;
        throw error;
      });
    return ensured;
  };

  /** Returns the next message, or undefined if none arrived in time. */
  const pull = async (signal: AbortSignal): Promise<Msg | undefined> => {
    const ask = JSON.stringify({ batch: 1, expires: PULL_MS * NANOS_PER_MS });
    const message = await connection.await(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, ask, PULL_MS + LATE_MS, signal);
    const status = message?.headers?.code ?? 0;
    if (status === 0) return message;
    // 408: none arrived in time. Otherwise, the consumer was deleted or is moving to another server.
    if (status !== 408) {
      ensured = undefined;
      await clock.sleep(AFTER_REFUSAL_MS, signal).catch(() => {});
    }
    return undefined;
  };

  /**
   * Returns the announcement, or undefined if it is not for this worker: a newer one may be able to read it, so it goes
   * back to the queue; what nobody can read is acknowledged.
   */
  const open = async (message: Msg, { position, delivery }: { position: number; delivery: number }) => {
    // Read it even if the position is known: a replaced store has a different announcement there.
    await announcements.log.sync();
    const kind = announcements.kindOf(position);
    if (kind === "snapshot") return announcements.log.at(position);
    const isNewer = kind === "newer";
    const outcome = isNewer ? "it stays in the queue" : "it is dropped from the queue";
    if (delivery === 1) log("warn", `${names.stream} ${position} is unreadable: ${outcome} ${group}`);
    connection.send(message.reply ?? "", isNewer ? nak(redeliveryDelayMs(delivery)) : "+TERM");
    return undefined;
  };

  return {
    async pending() {
      await ensure();
      const { num_pending, num_ack_pending } = await info();
      return num_pending + num_ack_pending;
    },
    async *items(signal) {
      const end = AbortSignal.any([signal, connection.closed]);
      const held = new Set<() => void>();
      let asked = false;
      const hold = (message: Msg, announcement: WorkItem["announcement"], delivery: number): WorkItem => {
        const reply = message.reply ?? "";
        const traceparent = message.headers?.get(TRACEPARENT);
        const beat = clock.every(HEARTBEAT_MS, () => connection.send(reply, "+WPI"));
        const settle = () => {
          beat.cancel();
          held.delete(abandon);
        };
        const giveBack = (delayMs: number) => {
          if (!held.has(abandon)) return;
          settle();
          connection.send(reply, nak(delayMs));
        };
        const abandon = () => giveBack(0);
        held.add(abandon);
        return {
          announcement,
          delivery,
          // Empty: there is none.
          ...(traceparent && { traceparent }),
          async done() {
            // Heartbeats continue until the acknowledgment is confirmed, so that an outage does not redeliver a finished item.
            const retry = createRetry(retryPolicy(connection, retryLimitMs));
            for (let unanswered = 0; unanswered < UNANSWERED_ACKS; ) {
              try {
                await connection.request(reply, "+ACK");
                break;
              } catch (error) {
                if (error instanceof UncoupleError && error.code === "deadline-exceeded") unanswered += 1;
                await retry.wait(error);
              }
            }
            settle();
          },
          async retry() {
            giveBack(redeliveryDelayMs(delivery));
          },
        };
      };
      try {
        while (!end.aborted) {
          try {
            await ensure();
            const message = await pull(end);
            if (message === undefined) continue;
            const place = placeOf(message);
            const { position, delivery } = place;
            const announced = await open(message, place).catch((error: unknown) => {
              // Other workers may be able to.
              connection.send(message.reply ?? "", "-NAK");
              throw error;
            });
            if (announced === undefined) continue;
            asked = false;
            yield hold(message, { position, manifest: announced.manifest }, delivery);
            asked = true;
          } catch (error) {
            if (end.aborted) return;
            // An outage, which the connection reports: keep waiting.
            if (!isTransient(error)) throw error;
            await clock.sleep(AFTER_REFUSAL_MS, end).catch(() => {});
          }
        }
      } finally {
        // The loop was left by break or throw: return held items to the queue.
        if (!asked) for (const abandon of held) abandon();
      }
    },
  };
}

/** The negative acknowledgment that asks for a redelivery after a delay. */
function nak(delayMs: number): string {
  return delayMs === 0 ? "-NAK" : `-NAK ${JSON.stringify({ delay: delayMs * NANOS_PER_MS })}`;
}

/**
 * Parses the stream position and delivery count of a pulled message from its acknowledgment subject:
 * `$JS.ACK.[domain.account.]stream.consumer.delivered.position. ...` (NATS ADR-15).
 */
function placeOf(message: Msg): { position: number; delivery: number } {
  const tokens = (message.reply ?? "").split(".");
  const skipped = tokens.length > 9 ? 2 : 0;
  return { delivery: Number(tokens[4 + skipped]), position: Number(tokens[5 + skipped]) };
}

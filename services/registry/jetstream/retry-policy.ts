import type { RetryPolicy } from "../../common/async/retry.ts";
import type { NatsConnection } from "./nats-connection.ts";

/**
 * Retries of requests while the server is away: after 50 ms, doubling to 2 s, with jitter so that clients do not come
 * back all at once. Closing the connection ends them.
 *
 * @param limitMs milliseconds without progress
 * @param signal ends them, too
 */
export function retryPolicy(
  { clock, closed }: Pick<NatsConnection, "clock" | "closed">,
  limitMs: number,
  signal?: AbortSignal,
): RetryPolicy {
  return {
    clock,
    limitMs,
    firstDelayMs: 50,
    longestDelayMs: 2_000,
    jitter: 0.5,
    signal: signal === undefined ? closed : AbortSignal.any([signal, closed]),
  };
}

import type { RetryPolicy } from "../../common/async/retry.ts";
import type { NatsConnection } from "./nats-connection.ts";

/**
 * The retry policy while the server is away: after 50 ms, doubling up to 2 s, with jitter so that clients do not return
 * all at once. Closing the connection ends it.
 *
 * @param limitMs milliseconds without progress
 * @param signal ends it as well
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

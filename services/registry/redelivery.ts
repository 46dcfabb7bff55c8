import { backoffMs } from "../common/async/retry.ts";

/** Returns the redelivery delay in milliseconds: 250 ms after the first delivery, doubling up to 60 s. */
export function redeliveryDelayMs(delivery: number): number {
  return backoffMs({ firstDelayMs: 250, longestDelayMs: 60_000 }, delivery);
}

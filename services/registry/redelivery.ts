import { backoffMs } from "../common/async/retry.ts";

/** Milliseconds until an item that was given back is delivered again: 0.25 s after the first delivery, doubling to 60 s. */
export function redeliveryDelayMs(delivery: number): number {
  return backoffMs({ firstDelayMs: 250, longestDelayMs: 60_000 }, delivery);
}

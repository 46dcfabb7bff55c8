/** Milliseconds until an item that was given back is delivered again: 0.25 s after the first delivery, doubling to 60 s. */
export function retryDelayMs(delivery: number): number {
  return Math.min(60_000, 250 * 2 ** (delivery - 1));
}

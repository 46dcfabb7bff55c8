import { setImmediate } from "node:timers/promises";

/** Yields to the event loop, so that health checks, cancellation and other work run between long steps. */
export function yieldToEventLoop(): Promise<void> {
  return setImmediate();
}

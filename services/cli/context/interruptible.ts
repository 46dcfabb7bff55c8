import type { Timer } from "../../common/clock/clock.ts";
import type { CliContext } from "./context.ts";

/**
 * Waits for work that does not watch for Ctrl-C itself.
 * @param graceMs how long after it the work may still end in its own way, in milliseconds
 * @throws UncoupleError what the work failed with, or `cancelled`: then the work may go on until the process ends
 */
export async function interruptible<T>(context: CliContext, work: Promise<T>, graceMs = 0): Promise<T> {
  const { clock, interrupted } = context;
  let timer: Timer | undefined;
  let onAbort = () => {};
  const given = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = clock.after(graceMs, () => reject(interrupted.reason as Error));
    };
  });
  if (interrupted.aborted) onAbort();
  else interrupted.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, given]);
  } finally {
    interrupted.removeEventListener("abort", onAbort);
    timer?.cancel();
  }
}

import type { Timer } from "../../common/clock/clock.ts";
import type { CliContext } from "./context.ts";

/**
 * Waits for work that does not handle Ctrl-C itself.
 * @param graceMs time that the work has to finish after Ctrl-C, in milliseconds
 * @throws UncoupleError the failure of the work, or `cancelled`; the work may then continue until the process exits
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

import type { VirtualClock } from "../../services/common/clock/virtual-clock.ts";

/** Moves a virtual clock from timer to timer until work settles. Real input and output goes on in between. */
export async function drive<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  work.then(settle, settle);
  while (!settled) {
    await clock.next();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return work;
}

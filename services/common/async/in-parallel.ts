import pLimit from "p-limit";
import { UncoupleError } from "../errors.ts";

/**
 * Maps items with at most `limit` at a time; returns results in order. The first failure cancels items not yet started,
 * and is thrown when those in progress have ended.
 *
 * @throws UncoupleError `invalid-argument` unless `limit` is a positive integer; what `work` throws
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new UncoupleError("invalid-argument", `at least 1 item must run at a time, not ${limit}`);
  }
  const queue = pLimit({ concurrency: limit, rejectOnClear: true });
  const settled = await Promise.allSettled(
    items.map((item, index) =>
      queue(async () => {
        try {
          return await work(item, index);
        } catch (thrown) {
          queue.clearQueue();
          throw thrown;
        }
      }),
    ),
  );
  // Items cleared from the queue may come before the failure that cleared them only if they started before it.
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { withEither } from "../../../services/common/async/with-either.ts";

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

test.each([0, 1])("work ends with the reason of signal %i, whichever aborts first", async (which) => {
  const signals = [new AbortController(), new AbortController()] as const;
  const work = withEither(signals[0].signal, signals[1].signal, untilAborted);
  signals[which]?.abort(new Error(`reason ${which}`));
  await expect(work).rejects.toThrow(`reason ${which}`);
  await expect(withEither(signals[0].signal, signals[1].signal, untilAborted)).rejects.toThrow(`reason ${which}`);
});

test("leaves nothing in the signals", async () => {
  const signals = [new AbortController().signal, new AbortController().signal] as const;
  expect(await withEither(...signals, async ({ aborted }) => aborted)).toBe(false);
  await expect(withEither(...signals, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  for (const signal of signals) expect(getEventListeners(signal, "abort")).toEqual([]);
});

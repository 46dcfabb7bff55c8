import { expect, test } from "vitest";
import { createCountProgress } from "../../../services/cli/terminal/count-progress.ts";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";

test("lines tell the remaining time by the items done since the start, without those that were already there", async () => {
  const lines: string[] = [];
  const clock = createVirtualClock();
  const progress = await createCountProgress({ write: (text) => lines.push(text) }, "parts", clock);
  progress.update(10, 20);
  await clock.advance(30_000);
  progress.update(11, 20);
  await clock.advance(10_000);
  progress.update(12, 20);
  progress.update(20, 20);
  expect(lines).toEqual([
    "10 of 20 parts done\n",
    "11 of 20 parts done, 4 min 30 s left\n",
    "12 of 20 parts done, 2 min 40 s left\n",
    "20 of 20 parts done\n",
  ]);
});

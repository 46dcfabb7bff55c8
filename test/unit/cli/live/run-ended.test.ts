import { expect, test } from "vitest";
import { runEnded } from "../../../../services/cli/live/run-ended.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { Run } from "../../../../services/pipeline/run.ts";

const queued = { id: "run", component: "m1", state: "queued" } as Run;

/** A trainer whose watches yield states, or fail, one after another. */
function trainer(...watches: readonly (readonly Run["state"][] | UncoupleError)[]) {
  const left = [...watches];
  return {
    async *watchRun(): AsyncGenerator<Run> {
      const next = left.shift();
      if (next instanceof UncoupleError) throw next;
      for (const state of next ?? []) yield { ...queued, state };
    },
  };
}

test("goes on after a trainer was away", async () => {
  const clock = createVirtualClock();
  const away = new UncoupleError("unavailable", "the trainer is stopping");
  const ended = runEnded(
    trainer(["running"], away, ["running", "succeeded"]),
    queued,
    clock,
    new AbortController().signal,
  );
  await clock.advance(1000);
  expect((await ended).state).toBe("succeeded");
});

test("an abort gives the state that was last seen", async () => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const away = new UncoupleError("unavailable", "gone");
  const ended = runEnded(trainer(["running"], away, away, away), queued, clock, abort.signal);
  await clock.advance(100);
  abort.abort();
  expect((await ended).state).toBe("running");
});

test("a trainer that has lost the run is an error", async () => {
  const lost = new UncoupleError("not-found", "m1 has no run");
  const waiting = runEnded(trainer(lost), queued, createVirtualClock(), new AbortController().signal);
  await expect(waiting).rejects.toThrow("m1 has no run");
});

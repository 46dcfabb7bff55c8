import { describe, expect, it } from "vitest";
import { type CliContext, interruption } from "../../../../services/cli/context/context.ts";
import { interruptible } from "../../../../services/cli/context/interruptible.ts";
import type { Clock } from "../../../../services/common/clock/clock.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";

function interrupted(signal: AbortSignal, clock: Clock = systemClock): CliContext {
  const nowhere = { write: () => {} };
  return {
    stdout: nowhere,
    stderr: nowhere,
    env: {},
    cwd: "/",
    clock,
    interrupted: signal,
    takeSignals: () => process,
  };
}

const never = new Promise<string>(() => {});

describe("work that does not handle Ctrl-C", () => {
  it("settles with its own outcome without an interruption", async () => {
    const context = interrupted(new AbortController().signal);
    expect(await interruptible(context, Promise.resolve("done"))).toBe("done");
    await expect(interruptible(context, Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  });

  it("is abandoned on an interruption before or during it", async () => {
    const before = AbortSignal.abort(interruption());
    await expect(interruptible(interrupted(before), never)).rejects.toMatchObject({ code: "cancelled" });
    const interrupt = new AbortController();
    const working = interruptible(interrupted(interrupt.signal), never);
    interrupt.abort(interruption());
    await expect(working).rejects.toMatchObject({ code: "cancelled", message: "interrupted" });
  });

  it("may finish within the grace period", async () => {
    const clock = createVirtualClock();
    const interrupt = new AbortController();
    const detaching = (ms: number) =>
      new Promise<string>((resolve) => {
        interrupt.signal.addEventListener("abort", () => clock.after(ms, () => resolve("detached")));
      });
    const context = interrupted(interrupt.signal, clock);
    const inTime = interruptible(context, detaching(9_999), 10_000);
    const late = interruptible(context, detaching(10_001), 10_000);
    late.catch(() => {});
    interrupt.abort(interruption());
    await clock.advance(20_000);
    expect(await inTime).toBe("detached");
    await expect(late).rejects.toMatchObject({ code: "cancelled" });
    expect(clock.pending).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { type CliContext, interruption } from "../../../../services/cli/context/context.ts";
import { interruptible } from "../../../../services/cli/context/interruptible.ts";

function interrupted(signal: AbortSignal): CliContext {
  const nowhere = { write: () => {} };
  return {
    stdout: nowhere,
    stderr: nowhere,
    env: {},
    cwd: "/",
    interrupted: signal,
    takeSignals: () => process,
  };
}

const never = new Promise<string>(() => {});

describe("work that does not watch for Ctrl-C", () => {
  it("ends as it ends, where nobody interrupts it", async () => {
    const context = interrupted(new AbortController().signal);
    expect(await interruptible(context, Promise.resolve("done"))).toBe("done");
    await expect(interruptible(context, Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  });

  it("is left when it is interrupted, before or meanwhile", async () => {
    const before = AbortSignal.abort(interruption());
    await expect(interruptible(interrupted(before), never)).rejects.toMatchObject({ code: "cancelled" });
    const interrupt = new AbortController();
    const working = interruptible(interrupted(interrupt.signal), never);
    interrupt.abort(interruption());
    await expect(working).rejects.toMatchObject({ code: "cancelled", message: "interrupted" });
  });

  it("may end in its own way within its grace", async () => {
    const interrupt = new AbortController();
    const detached = new Promise<string>((resolve) => {
      interrupt.signal.addEventListener("abort", () => setTimeout(() => resolve("detached"), 5));
    });
    const working = interruptible(interrupted(interrupt.signal), detached, 10_000);
    interrupt.abort(interruption());
    expect(await working).toBe("detached");
  });
});

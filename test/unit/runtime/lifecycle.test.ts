import { beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createLifecycle, type Lifecycle, type LifecycleSettings } from "../../../services/runtime/lifecycle.ts";
import { recordingLog, silentLog } from "../../helpers/log.ts";

let clock: VirtualClock;
beforeEach(() => {
  clock = createVirtualClock();
});

const create = (change: Partial<LifecycleSettings> = {}) =>
  createLifecycle({ name: "service", clock, log: silentLog, graceSeconds: 20, forceSeconds: 5, ...change });

const started = async (lifecycle: Lifecycle) => {
  await lifecycle.start(async () => {});
  return lifecycle;
};

describe("lifecycle", () => {
  test("goes INITIALIZED, RUNNING, STOPPING, DRAINING, STOPPED", async () => {
    const { log, records } = recordingLog();
    const lifecycle = create({ log });
    expect(lifecycle.state()).toBe("INITIALIZED");
    await lifecycle.start(async () => {});
    expect(lifecycle.state()).toBe("RUNNING");
    await lifecycle.stop();
    await lifecycle.finished;
    expect(records.flatMap((record) => record.to ?? [])).toEqual(["RUNNING", "STOPPING", "DRAINING", "STOPPED"]);
  });

  test("refuses new work first, then finishes work in progress, then releases in reverse order", async () => {
    const lifecycle = create();
    const order: string[] = [];
    lifecycle.stopping.addEventListener("abort", () => order.push(`refuse while ${lifecycle.state()}`));
    await lifecycle.start(async () => {
      lifecycle.onCleanup("first", () => void order.push("release first"));
      lifecycle.onCleanup("second", async () => void order.push("release second"));
      lifecycle.onDrain("run", async () => void order.push(`finish while ${lifecycle.state()}`));
    });
    await lifecycle.stop();
    expect(order).toEqual(["refuse while STOPPING", "finish while DRAINING", "release second", "release first"]);
  });

  test("a stop requested twice happens once", async () => {
    const lifecycle = await started(create());
    let released = 0;
    lifecycle.onCleanup("it", () => void released++);
    const stops = [lifecycle.stop(), lifecycle.stop()];
    expect(stops[0]).toBe(stops[1]);
    await Promise.all(stops);
    await lifecycle.stop();
    expect(released).toBe(1);
  });

  test("every release runs even if others fail, and the state is FAILED", async () => {
    const lifecycle = await started(create());
    const released: string[] = [];
    lifecycle.onCleanup("a", () => void released.push("a"));
    lifecycle.onCleanup("b", () => {
      throw new UncoupleError("unavailable", "b is gone");
    });
    lifecycle.onCleanup("c", () => Promise.reject(new Error("c broke")));
    lifecycle.onDrain("d", () => Promise.reject(new Error("d broke")));
    await expect(lifecycle.stop()).rejects.toThrow("d broke");
    await expect(lifecycle.finished).rejects.toThrow("d broke");
    expect(released).toEqual(["a"]);
    expect(lifecycle.state()).toBe("FAILED");
  });

  test("a failed start releases the resources it acquired", async () => {
    const lifecycle = create();
    let released = false;
    const start = lifecycle.start(async () => {
      lifecycle.onCleanup("connection", () => {
        released = true;
      });
      throw new UncoupleError("unavailable", "no server");
    });
    await expect(start).rejects.toMatchObject({ code: "unavailable", message: "no server" });
    expect(released).toBe(true);
    expect(lifecycle.state()).toBe("FAILED");
    await expect(lifecycle.start(async () => {})).rejects.toMatchObject({ code: "failed-precondition" });
  });

  test("a stop during the start waits for the start and then releases", async () => {
    const lifecycle = create();
    let released = false;
    const start = lifecycle.start(async () => {
      await new Promise<void>((resolve) => lifecycle.stopping.addEventListener("abort", () => resolve()));
      lifecycle.onCleanup("late", () => {
        released = true;
      });
    });
    await lifecycle.stop();
    await start;
    expect(released).toBe(true);
    expect(lifecycle.state()).toBe("STOPPED");
  });

  test("work that exceeds the grace period is aborted and can still finish", async () => {
    const lifecycle = await started(create());
    let reason: unknown;
    lifecycle.onDrain("run", async (force) => {
      await new Promise<void>((resolve) => force.addEventListener("abort", () => resolve()));
      reason = force.reason;
    });
    const stopping = lifecycle.stop();
    await clock.advance(19_999);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    await stopping;
    expect(reason).toMatchObject({ code: "cancelled", message: expect.stringContaining("grace period of 20 s") });
    expect(clock.pending).toBe(0);
    expect(lifecycle.state()).toBe("STOPPED");
  });

  test("work and releases that hang are abandoned and named", async () => {
    const { log, records } = recordingLog();
    const lifecycle = await started(create({ log }));
    let released = false;
    lifecycle.onCleanup("socket", () => {
      released = true;
    });
    lifecycle.onCleanup("stuck", () => new Promise<void>(() => {}));
    lifecycle.onDrain("run", () => new Promise<void>(() => {}));
    const stopping = lifecycle.stop();
    stopping.catch(() => {});
    // The grace period, then the abandoned run and the abandoned release.
    await clock.advance(20_000 + 5_000 + 5_000 - 1);
    expect(lifecycle.state()).toBe("DRAINING");
    await clock.advance(1);
    await expect(stopping).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect(released).toBe(true);
    expect(lifecycle.state()).toBe("FAILED");
    expect(records.map((record) => record.message).join("\n")).toContain("releasing stuck failed");
  });

  test("a failure while running stops everything and ends in FAILED", async () => {
    const lifecycle = await started(create());
    let released = false;
    lifecycle.onCleanup("it", () => {
      released = true;
    });
    lifecycle.fail(new UncoupleError("data-loss", "state is damaged"));
    await expect(lifecycle.finished).rejects.toMatchObject({ code: "data-loss" });
    expect(released).toBe(true);
    expect(lifecycle.state()).toBe("FAILED");
  });
});

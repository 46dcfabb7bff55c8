import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { runningEngine } from "../../../services/engine/interface/running-engine.ts";
import { warmUp } from "../../../services/engine/warm-up.ts";

function engine(run: () => Promise<Float32Array>): { readonly engine: Engine; readonly calls: string[] } {
  const calls: string[] = [];
  const session = {
    engine: runningEngine("reference", "selected"),
    run() {
      calls.push("run");
      return run();
    },
    state: async () => ({}),
    restore: async () => {},
    dispose: async () => void calls.push("dispose"),
  };
  const prepare = async () => {
    calls.push("prepare");
    return session;
  };
  return { engine: { name: "fake", reason: "selected", clock: systemClock, prepare }, calls };
}

test("an engine is warmed up by a whole session", async () => {
  const { engine: warm, calls } = engine(async () => Float32Array.of(1));
  await warmUp(warm);
  expect(calls).toEqual(["prepare", "run", "dispose"]);
});

test("an engine that cannot run says so, and keeps no session", async () => {
  const { engine: broken, calls } = engine(() => Promise.reject(new Error("no device")));
  await expect(warmUp(broken)).rejects.toThrow("no device");
  expect(calls).toEqual(["prepare", "run", "dispose"]);
});

import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import { diagnoseCase, type SelfDefeatingCase } from "../../../services/experiments/beyond/self-defeating.ts";

describe("an update that improves its component and degrades the pipeline", () => {
  it.each([
    ["near-far", "upstream", 1 / 6, "wasm"],
    ["cube", "approximation", 4 / 75, "onnx:cpu"],
  ] as const)("is diagnosed: %s is %s error", async (name: SelfDefeatingCase, cause, rise, choice) => {
    const engine = await createEngine(choice, { clock: systemClock, log: () => {} });
    const { change, parts, ...diagnosis } = await diagnoseCase(name, { seed: 4, rows: 2000, steps: 800, engine });
    expect(diagnosis.cause).toBe(cause);
    expect(Math.abs(change.value / rise - 1)).toBeLessThan(0.12);
    expect(Math.abs(parts[cause].value / rise - 1)).toBeLessThan(0.15);
    const others = (["upstream", "approximation", "estimation"] as const).filter((part) => part !== cause);
    for (const other of others) expect(Math.abs(parts[other].value)).toBeLessThan(rise / 6);
    expect(diagnosis).toMatchObject({ component: "m1", downstream: "m2" });
  });
});

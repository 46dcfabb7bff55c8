import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createAutoEngine } from "../../../services/engine/auto/auto-engine.ts";
import { typicalChoices } from "../../../services/engine/typical-choices.ts";

test("the typical choices of auto show both engines with their estimates", async () => {
  const choices = await typicalChoices(createAutoEngine({ clock: systemClock }));
  expect(choices.find(({ model }) => model === "8-64-1")).toMatchObject({
    batch: 64,
    engine: "wasm",
    reason: "estimate",
  });
  expect(choices.at(-1)).toMatchObject({ model: "10-256-256-3", batch: 256, engine: "onnx:cpu", reason: "estimate" });
  for (const { detail } of choices) expect(detail).toMatch(/^estimated [\d.]+ us per step; (wasm|onnx:cpu) [\d.]+$/);
});

test("with a GPU, auto takes it for every size", async () => {
  const onGpu = { ...createAutoEngine({ clock: systemClock }), name: "onnx:cuda", reason: "gpu" } as const;
  for (const choice of await typicalChoices(onGpu)) {
    expect(choice).toMatchObject({ engine: "onnx:cuda", reason: "gpu", detail: "a GPU was found" });
  }
});

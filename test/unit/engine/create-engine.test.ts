import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import { probeProvider } from "../../../services/engine/onnx/probe-provider.ts";
import { probeEngines } from "../../../services/engine/probe-engines.ts";

describe("choosing an engine", () => {
  it("takes one that works under auto, and logs what was passed over and why", async () => {
    const lines: string[] = [];
    const engine = await createEngine("auto", { clock: systemClock, log: (line) => lines.push(line) });
    expect(["tensorflow", "onnx:cuda", "onnx:webgpu", "auto"]).toContain(engine.name);
    expect(engine.reason).toBe(engine.name === "auto" ? "estimate" : "gpu");
    expect(lines.at(-1)).toContain(`engine ${engine.name}`);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^engine \S+ not taken: \S/);
  });

  it("says why a provider that was asked for by name cannot start, and does not end the process", async () => {
    for (const provider of ["webgpu", "cuda"] as const) {
      const probe = await probeProvider(provider, systemClock);
      const made = createEngine(`onnx:${provider}`, { clock: systemClock, log: () => {} });
      if (probe.starts) {
        expect((await made).name).toBe(`onnx:${provider}`);
      } else {
        const error = await made.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UncoupleError);
        expect((error as UncoupleError).code).toBe("failed-precondition");
        expect((error as UncoupleError).message).toContain(probe.detail);
        expect(probe.detail.length).toBeGreaterThan(10);
      }
    }
  });

  it("reports every engine with a reason or a speed", async () => {
    const probes = await probeEngines(systemClock);
    expect(probes.map(({ choice }) => choice)).toEqual([
      "tensorflow",
      "onnx:cuda",
      "onnx:webgpu",
      "onnx:cpu",
      "wasm",
      "reference",
    ]);
    for (const { available, detail, microsPerStep } of probes) {
      expect(detail).not.toMatch(/\n/);
      expect(detail).not.toBe("");
      if (available) expect(microsPerStep).toBeGreaterThan(0);
      else expect(microsPerStep).toBeUndefined();
    }
    const available = probes.filter((probe) => probe.available).map(({ choice }) => choice);
    expect(available).toEqual(expect.arrayContaining(["onnx:cpu", "reference"]));
  }, 60_000);
});

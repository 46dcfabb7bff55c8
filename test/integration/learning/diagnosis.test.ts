import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { diagnoseCase, type SelfDefeatingCase } from "../../../services/experiments/beyond/self-defeating.ts";

/** The same engine, but a program begins only when those before it have ended. */
function oneAtATime(inner: Engine): Engine {
  let last: Promise<void> = Promise.resolve();
  return {
    ...inner,
    async prepare(...given) {
      const before = last;
      let end = () => {};
      last = new Promise((resolve) => {
        end = resolve;
      });
      await before;
      const session = await inner.prepare(...given).catch((thrown: unknown) => {
        end();
        throw thrown;
      });
      return {
        ...session,
        run: (chunk) => session.run(chunk),
        state: () => session.state(),
        restore: (state) => session.restore(state),
        dispose: () => session.dispose().finally(end),
      };
    },
  };
}

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

  it("is diagnosed with the same bits whether the trainings run side by side or one after another", async () => {
    const engine = createWasmEngine({ clock: systemClock });
    const diagnose = (on: Engine) => diagnoseCase("near-far", { seed: 3, rows: 200, steps: 60, engine: on });
    expect(await diagnose(oneAtATime(engine))).toEqual(await diagnose(engine));
  });
});

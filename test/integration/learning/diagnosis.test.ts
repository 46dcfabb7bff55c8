import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { divideHeldOut } from "../../../services/data/held-out-parts.ts";
import type { DataSource } from "../../../services/data/source/data-source.ts";
import type { NumericColumn } from "../../../services/data/table/table.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { type KnownUpdateName, knownUpdate } from "../../../services/experiments/beyond/known-updates.ts";
import { diagnoseUpdate } from "../../../services/learning/diagnosis/diagnose-update.ts";

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

const wasm = createWasmEngine({ clock: systemClock });
const diagnose = (
  name: KnownUpdateName,
  engine: Engine,
  sizes: { seed: number; rows: number; steps: number; heldOut?: number },
) => diagnoseUpdate(knownUpdate(name, { heldOut: sizes.rows, ...sizes, engine }).update);

describe("an update that improves its component and degrades the pipeline", () => {
  it.each([
    ["near-far", "upstream", 1 / 6, "wasm"],
    ["cube", "approximation", 4 / 75, "onnx:cpu"],
  ] as const)("is diagnosed: %s is %s error, which retraining does not repair", async (name, cause, rise, choice) => {
    const engine = await createEngine(choice, { clock: systemClock, log: () => {} });
    const { change, parts, ...diagnosis } = await diagnose(name, engine, { seed: 4, rows: 2000, steps: 800 });
    expect(diagnosis.cause).toBe(cause);
    expect(diagnosis.probabilities[cause]).toBeGreaterThan(0.99);
    expect(Math.abs(change.value / rise - 1)).toBeLessThan(0.12);
    expect(Math.abs(parts[cause].value / rise - 1)).toBeLessThan(0.15);
    const others = (["upstream", "approximation", "estimation"] as const).filter((part) => part !== cause);
    for (const other of others) expect(Math.abs(parts[other].value)).toBeLessThan(rise / 6);
    expect(diagnosis).toMatchObject({ component: "m1", downstream: "m2" });
    expect(diagnosis.retraining?.outcome).toBe("self-defeating-after-retraining");
  });

  it("is self-defeating after retraining if M2 has too few rows for what it reads, and no other part is blamed", async () => {
    const diagnosis = await diagnose("few-rows", wasm, { seed: 2000, rows: 300, steps: 800, heldOut: 3000 });
    expect(diagnosis.retraining?.outcome).toBe("self-defeating-after-retraining");
    expect(diagnosis.cause === null || diagnosis.cause === "estimation").toBe(true);
    expect(diagnosis.probabilities.estimation).toBeGreaterThan(0.5);
  });

  it("is coupled if only M2 as it is cannot use the update", async () => {
    const { retraining, cause } = await diagnose("coupled", wasm, { seed: 1, rows: 1000, steps: 800, heldOut: 3000 });
    expect(retraining?.outcome).toBe("coupled");
    expect(retraining?.current).toBeCloseTo(1.2, 0);
    expect(retraining?.asItIs.value).toBeCloseTo(0.16, 1);
    expect(retraining?.retrained.value).toBeCloseTo(-0.2, 1);
    // Of the improvement.
    expect(cause).toBe("upstream");
  });

  it("is diagnosed with the same bits whether the trainings run side by side or one after another", async () => {
    const small = { seed: 3, rows: 200, steps: 60 };
    expect(await diagnose("near-far", oneAtATime(wasm), small)).toEqual(await diagnose("near-far", wasm, small));
  });

  it("is diagnosed on screen rows alone where the held-out rows are divided", async () => {
    const split = [0.5, 0.3, 0.2] as const;
    const { update } = knownUpdate("near-far", { seed: 3, rows: 200, heldOut: 600, steps: 60, engine: wasm });
    const { pipeline, source } = update;
    const plain = await diagnoseUpdate({ ...update, split });
    expect(plain.heldOutRows).toBeGreaterThan(240);
    expect(plain.heldOutRows).toBeLessThan(360);
    const marked: DataSource = {
      ...source,
      async heldOutRows(columns, labels) {
        const held = await source.heldOutRows(columns, labels);
        const { confirm, reserve } = divideHeldOut(pipeline, { rows: held.table.rows, labels: held.labels }, split);
        const target = held.table.columns.y as NumericColumn;
        const values = target.values.slice();
        for (const row of [...confirm, ...reserve]) values[row] = 1e6;
        return { ...held, table: { ...held.table, columns: { ...held.table.columns, y: { ...target, values } } } };
      },
    };
    expect(await diagnoseUpdate({ ...update, source: marked, split })).toEqual(plain);
  });
});

import { expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { GATE_POLICIES, gate, gateOf } from "../../../../services/experiments/beyond/gate.ts";

const ticks = 6;
const sizes = { rows: 500, initialSteps: 100, incrementalSteps: 100, consistentSteps: 100, downstreamSteps: 100 };

test("all policies start from one pipeline, and the same seed gives the same losses", async () => {
  const engine = createWasmEngine({ clock: systemClock });
  const [one, again] = [await gateOf(0, ticks, sizes, engine), await gateOf(0, ticks, sizes, engine)];
  expect(again).toEqual(one);
  for (const policy of GATE_POLICIES) {
    expect(one[policy]).toHaveLength(ticks + 1);
    expect(one[policy][0]).toBe(one.none[0]);
    expect(one[policy].every((loss) => loss > 0 && Number.isFinite(loss))).toBe(true);
  }
  expect(new Set(one.none).size).toBeGreaterThan(2);
});

test("rows have the last loss, the mean and the highest of the ticks, and the means over seeds", () => {
  const run = (first: number, others: number, last: number) => [first, ...Array(ticks - 1).fill(others), last];
  const ofAll = (losses: number[]) => ({ none: losses, gate: losses, "gate-sets": losses, "co-training": losses });
  const { rows } = gate([0, 1], [ofAll(run(100, 50, 2)), ofAll(run(100, 30, 4))]);
  expect(rows.map(({ policy }) => policy)).toEqual(GATE_POLICIES);
  expect(rows[0]?.final).toMatchObject({ mean: 3, values: [2, 4] });
  expect(rows[0]?.felt.values).toEqual([(50 * (ticks - 1) + 2) / ticks, (30 * (ticks - 1) + 4) / ticks]);
  expect(rows[0]?.worst.values).toEqual([50, 30]);
  expect(rows[0]?.losses).toEqual(run(100, 40, 3));
});

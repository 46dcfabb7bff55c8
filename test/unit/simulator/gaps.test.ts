import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { mean } from "../../../services/common/statistics.ts";
import type { NumericColumn, Table } from "../../../services/data/table/table.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import type { StoredModel } from "../../../services/simulator/models/model-store.ts";
import { openSeedWorld } from "../../../services/simulator/run/seed-world.ts";
import { smallScenario } from "../../helpers/scenarios.ts";
import { simulate } from "../../helpers/simulated.ts";

test("the gap of an edge is what true upstream values change the loss on true targets by; observed ones have their noise", async () => {
  const scenario = smallScenario({ teams: 2, edges: "chain", truth: { noise: 0.5 }, ticks: 5 });
  const world = await openSeedWorld(
    scenario,
    1,
    createWasmEngine({ clock: systemClock }),
    new AbortController().signal,
  );
  const { run, models } = await simulate(world, "async");
  const { heldOut, exact } = world.truth.rowsOf(0);
  const inUse: Record<string, number> = { m1: 1, m2: 1 };
  for (const { moves } of run.losses) Object.assign(inUse, moves);
  const modelOf = (name: string) => (models.get(`${name}@${inUse[name]}`) as StoredModel).model;
  const predicted = await modelOf("m1").predict(heldOut);

  async function gapOn(table: Table): Promise<number> {
    const column = (name: string) => table.columns[name] as NumericColumn;
    const lossOn = async (z: Float32Array) => {
      const columns = { ...table.columns, z_m1: { ...column("z_m1"), values: z } };
      const outputs = await modelOf("m2").predict({ rows: table.rows, columns });
      return mean(Float64Array.from(outputs, (value, row) => (value - (column("z_m2").values[row] as number)) ** 2));
    };
    const difference = (await lossOn(column("z_m1").values)) - (await lossOn(predicted));
    return (100 * difference) / (run.unit - run.irreducible);
  }

  expect(run.gaps).toHaveLength(1);
  expect(run.gaps[0]?.gap).toBeCloseTo(await gapOn(exact), 6);
  expect(run.gaps[0]?.observed).toBeCloseTo(await gapOn(heldOut), 6);
  // Noise in what the second team reads can only make it look less ready for a better first one.
  expect(run.gaps[0]?.observed).toBeGreaterThan((run.gaps[0]?.gap as number) + 1);
});

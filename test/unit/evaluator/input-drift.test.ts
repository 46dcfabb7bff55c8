import { afterEach, beforeEach, expect, test } from "vitest";
import { profileColumns } from "../../../services/data/spill/profile-columns.ts";
import { pinComponent } from "../../../services/releases/pin.ts";
import type { Metrics } from "../../../services/runtime/metrics.ts";
import { draft } from "../../helpers/drafts.ts";
import { linearBytes, tableOf } from "../../helpers/linear-pipelines.ts";
import { type MemoryEvaluators, openMemoryEvaluators, specs, x } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

/** Publishes a snapshot of u that was trained on these values of x; undefined: it does not say on which. */
async function publish(values: readonly number[] | undefined): Promise<void> {
  const columns = values && (await profileColumns(tableOf({ x: values }), ["x"]));
  const data = { fingerprint: "f", rows: values?.length ?? 1, ...(columns && { columns }) };
  const change = { component: "u", contract: specs.u, provenance: { data } };
  await world.backplane.registry.publish(draft(change), linearBytes({ weights: { x: 2 } }), "any");
}

const pin = (serial: number) =>
  pinComponent(
    { backplane: world.backplane, pipeline: "demo", clock: world.clock },
    { component: "u", by: "ann", reason: null },
    serial,
  );

async function drifts(metrics: Metrics): Promise<readonly number[]> {
  // Bursts of changes are measured together, a second after the first.
  await world.clock.advance(5_000);
  const lines = (await metrics.text()).split("\n").filter((line) => /^uncouple_input_(drift|outside)\{/.test(line));
  for (const line of lines) expect(line).toContain('{component="u",column="x",');
  return lines.map((line) => Number(line.split(" ").at(-1)));
}

test("the drift is that of the snapshot in use, and absent where it is unknown", async () => {
  const { metrics } = world.start();
  expect(await drifts(metrics)).toEqual([]);
  await publish(x);
  await world.settled(1);
  expect(await drifts(metrics)).toEqual([0, 0]);

  // The held-out rows are two thirds of the way from one end of these to the other.
  await publish(x.map((value) => 3 * value + 1));
  await world.settled(2);
  const [index, outside] = await drifts(metrics);
  expect(index).toBeGreaterThan(0.5);
  expect(outside).toBe(0);

  await publish(x.map((value) => value + 1));
  await world.settled(3);
  expect((await drifts(metrics))[1]).toBeCloseTo(0.5, 1);

  await pin(1);
  expect(await drifts(metrics)).toEqual([0, 0]);

  await publish(undefined);
  await world.settled(4);
  await pin(4);
  expect(await drifts(metrics)).toEqual([]);
});

test("a restarted evaluator measures what is in use", async () => {
  const before = world.start();
  await publish(x.map((value) => value + 1));
  await world.settled(1);
  await before.evaluator.stop();
  const { metrics } = world.start({ name: "e2" });
  const [index = 0, outside] = await drifts(metrics);
  expect(index).toBeGreaterThan(0.5);
  expect(outside).toBeCloseTo(0.5, 1);
});

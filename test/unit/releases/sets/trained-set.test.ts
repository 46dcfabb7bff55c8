import { expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { mean } from "../../../../services/common/statistics.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { Column } from "../../../../services/data/table/table.ts";
import { rowLosses, targetOf } from "../../../../services/data/targets/losses.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { dense, type Models, openLab } from "../../../../services/experiments/lab/lab.ts";
import { STUDENT, twoStagePipeline } from "../../../../services/experiments/paper/two-stage.ts";
import type { SnapshotModel } from "../../../../services/learning/snapshot/snapshot-model.ts";
import { compositionKey } from "../../../../services/pipeline/composition-key.ts";
import { componentNamed } from "../../../../services/pipeline/dag.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import { searchSets } from "../../../../services/releases/sets/search-sets.ts";
import { screenOf } from "../../../helpers/planted-worlds.ts";

test("trained networks: a better M1 and the M2 trained on it move together, though each alone makes the pipeline worse", async () => {
  const pipeline = twoStagePipeline(0, 2_000);
  const lab = await openLab(
    pipeline,
    createSyntheticSource(pipeline.data),
    createWasmEngine({ clock: systemClock }),
    0,
  );
  const m1 = [
    await lab.train("m1", { model: dense(), steps: 300 }, {}),
    await lab.train("m1", { model: STUDENT, steps: 1_000 }, {}),
  ] as const;
  const m2 = [
    await lab.train("m2", { model: STUDENT, steps: 1_000 }, { m1: m1[0] }),
    await lab.train("m2", { model: STUDENT, steps: 1_000 }, { m1: m1[1] }),
  ] as const;
  const snapshots: Readonly<Record<string, readonly SnapshotModel[]>> = { m1, m2 };
  const modelsOf = (composition: Composition): Models =>
    Object.fromEntries(
      Object.entries(composition).map(([name, serial]) => [name, snapshots[name]?.[serial - 1] as SnapshotModel]),
    );
  const own = componentNamed(pipeline, "m2");
  const target = targetOf(own, { kind: "numeric", width: 1, values: lab.observed("y") } satisfies Column);
  const outputs = new Map<string, Float32Array>();
  for (const composition of [1, 2].flatMap((a) => [1, 2].map((b) => ({ m1: a, m2: b })))) {
    outputs.set(compositionKey("m2", composition), await lab.predict("m2", modelsOf(composition)));
  }
  const losses = (_: string, composition: Composition) =>
    rowLosses(own, outputs.get(compositionKey("m2", composition)) as Float32Array, target);
  await lab.close();

  const { screen } = screenOf(losses);
  const found = await searchSets({
    pipeline,
    screen,
    release: { m1: 1, m2: 1 },
    movable: () => [2],
    trainedOn: (name) => (name === "m2" ? { m1: 2 } : {}),
    margin: 0.01,
    budget: 100,
    signal: new AbortController().signal,
  });
  const lossOf = (composition: Composition) => mean(losses("m2", composition));
  expect(lossOf({ m1: 2, m2: 1 })).toBeGreaterThan(lossOf({ m1: 1, m2: 1 }));
  expect(lossOf({ m1: 1, m2: 2 })).toBeGreaterThan(lossOf({ m1: 1, m2: 1 }));
  expect(found).toMatchObject({ moves: { m1: 2, m2: 2 }, measured: 4, isExhaustive: true });
  expect(found?.loss).toBeLessThan(lossOf({ m1: 1, m2: 1 }) / 4);
});

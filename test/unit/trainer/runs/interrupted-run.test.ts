import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import type { Rows } from "../../../../services/data/source/data-source.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import type { LoadedData } from "../../../../services/trainer/runs/training-data.ts";
import { writeModelModule } from "../../../helpers/model-modules.ts";
import {
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  request,
  type TrainerBench,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
});
afterEach(() => bench.close());

const allSteps = Uint8Array.of(1, 2, 3, 4, 5);

describe("an interrupted run", () => {
  test("resumes from its checkpoint, with the snapshots and the team it started with", async () => {
    await bench.publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 3) {
        reached.open();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request({ seed: 3 }));
    await reached.passed;
    await before.stop();
    expect(before.get(id).run).toMatchObject({ state: "running", step: 4 });

    await bench.publish("m1");
    const second = fakeTraining();
    const after = await bench.queue(second.train);
    expect(await ended(after, id)).toMatchObject({ state: "succeeded", upstream: { m1: 1 }, step: 5 });
    expect(second.trainings).toHaveLength(1);
    expect(second.trainings[0]).toMatchObject({ resume: { step: 4 }, team: { seed: 3 } });
    expect(await bench.bytesOf(1)).toEqual(allSteps);
    expect(await bench.store.loadCheckpoint(id)).toBeUndefined();
    // The curve has the points before the interruption, too.
    const { curve, fit } = (await bench.store.loadReport(id)) ?? {};
    expect(curve?.points.map(({ step, loss }) => [step, loss])).toEqual(
      [1, 2, 3, 4, 5].map((at) => [at, Math.fround(1 / at)]),
    );
    expect(fit).toMatchObject({ rows: 4, loss: 0.5 });
  });

  test("restarts with a warning if the training rows have changed", async () => {
    await bench.publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 3) reached.open();
      if (at > 3) await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();

    bench.data = { ...bench.data, training: { ...bench.data.training, fingerprint: "rows-2" } };
    const second = fakeTraining();
    const after = await bench.queue(second.train);
    const run = await ended(after, id);
    expect(second.trainings[0]?.resume).toBeUndefined();
    expect(run).toMatchObject({
      state: "succeeded",
      warnings: ["the training rows changed since the run started; restarting from step 0"],
    });
    expect(await bench.bytesOf(1)).toEqual(allSteps);
  });

  test("restarts with a warning if a file that the model module imports has changed", async () => {
    await bench.publish("m1");
    const folder = await mkdtemp(join(tmpdir(), "uncouple-interrupted-"));
    try {
      const path = await writeModelModule(folder, { width: 4 });
      const reached = gate();
      const first = fakeTraining(async (at) => {
        if (at === 3) reached.open();
        if (at > 3) await new Promise((resolve) => setTimeout(resolve, 1000));
      });
      const before = await bench.queue(first.train);
      const { id } = await before.submit(request({ model: { kind: "module", path } }));
      await reached.passed;
      await before.stop();

      await writeModelModule(folder, { width: 5 });
      const second = fakeTraining();
      const run = await ended(await bench.queue(second.train), id);
      expect(second.trainings[0]?.resume).toBeUndefined();
      expect(run).toMatchObject({
        state: "succeeded",
        warnings: ["the model module or its imports changed since the run started; restarting from step 0"],
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each([
    ["rows", (data: LoadedData) => ({ ...data, training: { ...data.training, fingerprint: "rows-2" } })],
    [
      "audited rows",
      (data: LoadedData) => ({ ...data, audit: { ...(data.training as Rows), fingerprint: "audit-2" } }),
    ],
  ])(
    "never resumes from a checkpoint of different %s, even after a crash before the next checkpoint",
    async (_what, change) => {
      await bench.publish("m1");
      /** Runs the trainer until the run has reached a step, then stops it. */
      const live = async (until: number, store = bench.store) => {
        const reached = gate();
        const { train, trainings } = fakeTraining(async (at) => {
          if (at === until) reached.open();
          if (at >= until) await new Promise((resolve) => setTimeout(resolve, 20));
        });
        const queue = await bench.queue(train, { store });
        const id = queue.runs()[0]?.run.id ?? (await queue.submit(request())).id;
        await reached.passed;
        await queue.stop();
        return { id, resumed: trainings[0]?.resume?.step };
      };
      await live(3);
      bench.data = change(bench.data);
      const unwritten = {
        ...bench.store,
        saveCheckpoint: () => Promise.reject(new Error("crashed before it was written")),
      };
      expect((await live(1, unwritten)).resumed).toBeUndefined();

      const last = fakeTraining();
      const queue = await bench.queue(last.train);
      const id = queue.runs()[0]?.run.id as string;
      expect(await ended(queue, id)).toMatchObject({ state: "succeeded" });
      expect(last.trainings[0]?.resume).toBeUndefined();
      expect(await bench.bytesOf(1)).toEqual(allSteps);
    },
  );

  test("warns when it resumes on the same engine in another numerics class", async () => {
    await bench.publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 3) reached.open();
      if (at > 3) await new Promise((resolve) => setTimeout(resolve, 1000));
    }, "reference/v8-1");
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();
    const after = await bench.queue(fakeTraining(undefined, "reference/v8-2").train);
    expect(await ended(after, id)).toMatchObject({
      warnings: ["started on engine reference/v8-1 and resumed on reference/v8-2: results may differ in the last bits"],
    });
    expect(await bench.backplane.registry.manifest("m2", 1)).toMatchObject({
      provenance: { numerics: "reference/v8-2" },
    });
  });

  test("warns when it resumes on a different engine", async () => {
    await bench.publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 3) reached.open();
      if (at > 3) await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();
    const engine: Engine = {
      name: "onnx:cpu",
      reason: "selected",
      clock: systemClock,
      prepare: () => Promise.reject(new Error("no test trains on it")),
    };
    const after = await bench.queue(fakeTraining().train, { engine: async () => engine });
    expect(await ended(after, id)).toMatchObject({
      state: "succeeded",
      warnings: ["started on engine reference and resumed on onnx:cpu: results may differ in the last bits"],
    });
    expect(await bench.backplane.registry.manifest("m2", 1)).toMatchObject({
      provenance: { engine: "onnx:cpu" },
    });
  });

  test("that published without receiving the acknowledgement is not trained again", async () => {
    await bench.publish("m1");
    const { registry } = bench.backplane;
    const published = gate();
    const before = await bench.queue(
      fakeTraining().train,
      bench.registryWith({
        // The snapshot is announced, and the trainer dies before it receives the acknowledgement.
        publish: async (...parameters) => {
          await registry.publish(...parameters);
          published.open();
          return new Promise((_, reject) => parameters[3]?.addEventListener("abort", () => reject(new Error("dead"))));
        },
      }),
    );
    const { id } = await before.submit(request());
    await published.passed;
    await before.stop();
    expect(before.get(id).run.state).toBe("publishing");

    const second = fakeTraining();
    const after = await bench.queue(second.train);
    expect(await ended(after, id)).toMatchObject({ state: "succeeded", snapshot: 1 });
    expect(second.trainings).toEqual([]);
    expect(await registry.list("m2")).toHaveLength(1);
  });

  test("fails without training if another process has published in the meantime", async () => {
    await bench.publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 2) reached.open();
      if (at > 2) await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();
    await bench.publish("m2");
    const second = fakeTraining();
    const after = await bench.queue(second.train);
    expect(await ended(after, id)).toMatchObject({
      state: "failed",
      error: { code: "conflict", message: expect.stringContaining("m2@1") },
    });
    expect(second.trainings).toEqual([]);
  });
});

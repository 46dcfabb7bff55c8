import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/pipeline/errors.ts";
import type { Registry } from "../../../services/registry/registry.ts";
import type { LoadedData } from "../../../services/trainer/training-data.ts";
import { draft, model, quarantine } from "../../helpers/drafts.ts";
import { team } from "../../helpers/teams.ts";
import {
  benchPipeline,
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  type TrainerBench,
  until,
} from "../../helpers/trainer-bench.ts";

let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
});
afterEach(() => bench.close());

const request = (change = {}) => ({ trigger: "request" as const, team: team({ steps: 5, ...change }) });
const publish = (component: string) => bench.backplane.registry.publish(draft({ component }), model(1), "any");
const allSteps = Uint8Array.of(1, 2, 3, 4, 5);

/** The bench's registry with some calls replaced. */
const registryWith = (change: Partial<Registry>) => ({
  backplane: { ...bench.backplane, registry: { ...bench.backplane.registry, ...change } },
});

async function bytesOf(serial: number): Promise<Uint8Array> {
  const { registry } = bench.backplane;
  return registry.bytes(await registry.manifest("m2", serial));
}

describe("pinning", () => {
  test("a run trains on the newest upstream, and its manifest says on which", async () => {
    await publish("m1");
    await publish("m1");
    const { train, trainings } = fakeTraining();
    const queue = await bench.queue(train);
    const run = await ended(queue, (await queue.submit(request())).id);
    expect(run).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 2 } });
    expect(bench.loaded).toEqual(["m1@2"]);
    expect(Object.keys(trainings[0]?.upstream ?? {})).toEqual(["m1"]);
    const manifest = await bench.backplane.registry.manifest("m2", 1);
    expect(manifest).toMatchObject({
      runId: run.id,
      parent: null,
      upstream: { m1: 2 },
      data: { fingerprint: "rows-1" },
    });
  });

  test("the champion goes before the newest", async () => {
    for (let i = 0; i < 3; i++) await publish("m1");
    await bench.backplane.registry.setAlias("m1", "champion", 2, null, "test");
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a quarantined snapshot is passed over", async () => {
    for (let i = 0; i < 3; i++) await publish("m1");
    await bench.backplane.quarantines.append(quarantine("m1", 3));
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a run without an upstream snapshot fails and names what is missing", async () => {
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("train m1 first") },
    });
  });

  test("the snapshots are recorded before the training begins", async () => {
    await publish("m1");
    const seen: unknown[] = [];
    const { train } = fakeTraining();
    const queue = await bench.queue(async (training) => {
      seen.push((await bench.store.load())[0]?.pins);
      return train(training);
    });
    await ended(queue, (await queue.submit(request())).id);
    expect(seen).toEqual([{ upstream: { m1: 1 }, parent: null }]);
  });

  test("a protocol that stays near the own previous snapshot gets it", async () => {
    await publish("m2");
    await publish("m1");
    const sigma = { sigma: 0.1, lambda: 1 };
    const { train, trainings } = fakeTraining();
    const own = await bench.queue(train, { component: "m1" });
    const proximal = { component: "m1", protocol: { name: "proximal", parameters: sigma } };
    await ended(own, (await own.submit(request(proximal))).id);
    expect(trainings[0]?.previous).toBeDefined();
    expect(bench.loaded).toEqual(["m1@1"]);
  });
});

describe("an interrupted run", () => {
  test("goes on at its checkpoint, on the snapshots and with the team that it began with", async () => {
    await publish("m1");
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

    await publish("m1");
    const second = fakeTraining();
    const after = await bench.queue(second.train);
    expect(await ended(after, id)).toMatchObject({ state: "succeeded", upstream: { m1: 1 }, step: 5 });
    expect(second.trainings).toHaveLength(1);
    expect(second.trainings[0]).toMatchObject({ resume: { step: 4 }, team: { seed: 3 } });
    expect(await bytesOf(1)).toEqual(allSteps);
    expect(await bench.store.loadCheckpoint(id)).toBeUndefined();
  });

  test("begins again, and says so, when the training rows have changed", async () => {
    await publish("m1");
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
      warnings: ["the training rows changed since the run began; it begins again from step 0"],
    });
    expect(await bytesOf(1)).toEqual(allSteps);
  });

  test.each([
    ["rows", (data: LoadedData) => ({ ...data, training: { ...data.training, fingerprint: "rows-2" } })],
    ["audited rows", (data: LoadedData) => ({ ...data, audit: { ...data.training, fingerprint: "audit-2" } })],
  ])("never goes on at a checkpoint of other %s, though it died before it had a new one", async (_what, change) => {
    await publish("m1");
    /** One life of the trainer, which ends when the run has come as far. */
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
    const unwritten = { ...bench.store, saveCheckpoint: () => Promise.reject(new Error("died before")) };
    expect((await live(1, unwritten)).resumed).toBeUndefined();

    const last = fakeTraining();
    const queue = await bench.queue(last.train);
    const id = queue.runs()[0]?.run.id as string;
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded" });
    expect(last.trainings[0]?.resume).toBeUndefined();
    expect(await bytesOf(1)).toEqual(allSteps);
  });

  test("says so when it goes on with another engine", async () => {
    await publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 3) reached.open();
      if (at > 3) await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();
    const engine = { name: "onnx:cpu", prepare: () => Promise.reject(new Error("no test trains on it")) };
    const after = await bench.queue(fakeTraining().train, { engine: async () => engine });
    expect(await ended(after, id)).toMatchObject({
      state: "succeeded",
      warnings: ["begun on the engine reference and resumed on onnx:cpu: the last bits may differ"],
    });
    expect(await bench.backplane.registry.manifest("m2", 1)).toMatchObject({ engine: "onnx:cpu" });
  });

  test("that had published, but not heard of it, is not trained again", async () => {
    await publish("m1");
    const { registry } = bench.backplane;
    const published = gate();
    const before = await bench.queue(
      fakeTraining().train,
      registryWith({
        // The announcement is made, and the trainer dies before it hears of it.
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

  test("does not train to its end when somebody else has published meanwhile", async () => {
    await publish("m1");
    const reached = gate();
    const first = fakeTraining(async (at) => {
      if (at === 2) reached.open();
      if (at > 2) await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const before = await bench.queue(first.train);
    const { id } = await before.submit(request());
    await reached.passed;
    await before.stop();
    await publish("m2");
    const second = fakeTraining();
    const after = await bench.queue(second.train);
    expect(await ended(after, id)).toMatchObject({
      state: "failed",
      error: { code: "conflict", message: expect.stringContaining("m2@1") },
    });
    expect(second.trainings).toEqual([]);
  });
});

describe("publishing", () => {
  test("nothing is overwritten when somebody else has published since the run began", async () => {
    await publish("m1");
    const { train } = fakeTraining(async (at) => {
      if (at === 2) await publish("m2");
    });
    const queue = await bench.queue(train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "conflict", message: expect.stringContaining("m2@1") },
    });
    expect(await bench.backplane.registry.list("m2")).toHaveLength(1);
  });

  test("an outage of the registry costs time and nothing else", async () => {
    await publish("m1");
    const { registry } = bench.backplane;
    let outages = 2;
    const away = async () => {
      if (outages-- > 0) throw new UncoupleError("unavailable", "the server is away");
    };
    const { train, trainings } = fakeTraining();
    const queue = await bench.queue(
      train,
      registryWith({
        publish: async (...parameters) => {
          await away();
          return registry.publish(...parameters);
        },
      }),
    );
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ state: "succeeded", snapshot: 1 });
    expect(trainings).toHaveLength(1);
  });

  test("an outage that does not end fails the run, with the name of the time limit", async () => {
    await publish("m1");
    const away = async () => {
      throw new UncoupleError("unavailable", "the server is away");
    };
    const queue = await bench.queue(fakeTraining().train, {
      ...registryWith({ publish: away }),
      unavailableSeconds: 0,
    });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "unavailable", message: expect.stringMatching(/unavailableSeconds.*the server is away/) },
    });
  });

  test("a cancel stops it before the announcement", async () => {
    await publish("m1");
    const { registry } = bench.backplane;
    const queue = await bench.queue(
      fakeTraining().train,
      registryWith({
        publish: (_draft, _bytes, _parent, signal) =>
          new Promise((_, reject) => {
            signal?.addEventListener("abort", () => reject(new UncoupleError("cancelled", "stopped")));
          }),
      }),
    );
    const { id } = await queue.submit(request());
    await until(queue, id, ({ state }) => state === "publishing");
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled", snapshot: null });
    expect(await registry.list("m2")).toEqual([]);
  });

  test("a cancel that came after the announcement came too late, also when nobody heard of the announcement", async () => {
    await publish("m1");
    const { registry } = bench.backplane;
    const announced = gate();
    const queue = await bench.queue(
      fakeTraining().train,
      registryWith({
        publish: async (...parameters) => {
          await registry.publish(...parameters);
          announced.open();
          await new Promise((resolve) => parameters[3]?.addEventListener("abort", resolve));
          throw new UncoupleError("unavailable", "no acknowledgement came");
        },
      }),
    );
    const { id } = await queue.submit(request());
    await announced.passed;
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded", snapshot: 1 });
  });
});

describe("cancelling", () => {
  test("a running run ends at its next step and leaves no checkpoint", async () => {
    await publish("m1");
    const reached = gate();
    const { train } = fakeTraining(async (at) => {
      if (at === 2) reached.open();
      if (at >= 2) await new Promise((resolve) => setTimeout(resolve, 10));
    });
    const queue = await bench.queue(train);
    const { id } = await queue.submit(request({ steps: 1000 }));
    await reached.passed;
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
    expect(await bench.store.loadCheckpoint(id)).toBeUndefined();
    expect(await bench.backplane.registry.list("m2")).toEqual([]);
  });

  test("a run whose rows are still being read ends at once", async () => {
    await publish("m1");
    const queue = await bench.queue(fakeTraining().train, { data: { load: () => new Promise(() => {}) } });
    const { id } = await queue.submit(request());
    await until(queue, id, ({ upstream }) => upstream.m1 === 1);
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
  });

  test("a run that waits for the lease ends at once", async () => {
    await publish("m1");
    const lease = await bench.backplane.leases.acquire("train", "somebody", new AbortController().signal);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request({ protocol: { name: "sync", parameters: {} } }));
    await until(queue, id, ({ state }) => state === "waiting");
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
    await lease.release();
  });
});

describe("under sync", () => {
  const sync = { protocol: { name: "sync", parameters: {} } };

  test("one component trains at a time", async () => {
    await publish("m1");
    let training = 0;
    const { train } = fakeTraining(async () => {
      training += 1;
      expect(training).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      training -= 1;
    });
    const m2 = await bench.queue(train);
    const other = await openTrainerBench();
    const m1 = await other.queue(train, { component: "m1", backplane: bench.backplane });
    const first = await m2.submit(request(sync));
    const second = await m1.submit(request({ ...sync, component: "m1" }));
    expect(await ended(m2, first.id)).toMatchObject({ state: "succeeded" });
    expect(await ended(m1, second.id)).toMatchObject({ state: "succeeded" });
    await other.close();
  });

  test("snapshots are pinned when the lease is there, not before", async () => {
    await publish("m1");
    const lease = await bench.backplane.leases.acquire("train", "m1", new AbortController().signal);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request(sync));
    await until(queue, id, ({ state }) => state === "waiting");
    await publish("m1");
    await lease.release();
    expect(await ended(queue, id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a lost lease stops the training at a step, and it goes on when the lease is back", async () => {
    await publish("m1");
    const losing = new AbortController();
    let leases = 0;
    const held = {
      async acquire() {
        leases += 1;
        const lost = leases === 1 ? losing.signal : new AbortController().signal;
        return { lost, release: async () => {} };
      },
      holder: async () => undefined,
    };
    const { train, trainings } = fakeTraining(async (at) => {
      if (at === 3) losing.abort(new UncoupleError("unavailable", "lost the lease train"));
    });
    const queue = await bench.queue(train, { backplane: { ...bench.backplane, leases: held } });
    const { id } = await queue.submit(request(sync));
    const states: string[] = [];
    for await (const { state } of queue.watch(id, new AbortController().signal)) {
      if (states.at(-1) !== state) states.push(state);
    }
    expect(states.filter((state) => state !== "queued")).toEqual([
      "waiting",
      "running",
      "waiting",
      "running",
      "publishing",
      "succeeded",
    ]);
    expect(trainings.map(({ resume }) => resume?.step)).toEqual([undefined, 4]);
    expect(await bytesOf(1)).toEqual(allSteps);
  });
});

describe("a lease that is lost while a snapshot is being read", () => {
  test("is waited for again, whatever words the reading ends with", async () => {
    await publish("m1");
    const losing = new AbortController();
    let leases = 0;
    const held = {
      async acquire() {
        leases += 1;
        return { lost: leases === 1 ? losing.signal : new AbortController().signal, release: async () => {} };
      },
      holder: async () => undefined,
    };
    const queue = await bench.queue(fakeTraining().train, {
      backplane: { ...bench.backplane, leases: held },
      load: async () => {
        if (leases === 1) {
          losing.abort(new UncoupleError("unavailable", "lost the lease train"));
          throw new UncoupleError("cancelled", "stopped reading m1@1");
        }
        return { predict: async () => new Float32Array(4), dispose: async () => {} };
      },
    });
    const { id } = await queue.submit(request({ protocol: { name: "sync", parameters: {} } }));
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded" });
    expect(leases).toBe(2);
  });
});

describe("a run", () => {
  test("shows what people should know although it goes on", async () => {
    await publish("m1");
    const { train } = fakeTraining();
    const queue = await bench.queue(async (training) => {
      training.onWarning?.("the imputed inputs span few directions");
      training.onWarning?.("the imputed inputs span few directions");
      return train(training);
    });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "succeeded",
      warnings: ["the imputed inputs span few directions"],
    });
  });

  test("shows step, loss, rate and remaining time", async () => {
    await publish("m1");
    const held = gate();
    const { train } = fakeTraining(async (at) => {
      if (at === 3) await held.passed;
    });
    const queue = await bench.queue(train);
    const { id } = await queue.submit(request());
    const run = await until(queue, id, ({ step }) => step === 3);
    expect(run).toMatchObject({
      state: "running",
      step: 3,
      steps: 5,
      loss: 1 / 3,
      learningRate: 0.1,
      stepsPerSecond: 100,
      etaSeconds: 0.02,
      startedAt: expect.any(String),
    });
    held.open();
    expect(await ended(queue, id)).toMatchObject({ etaSeconds: null, finishedAt: expect.any(String) });
  });

  test("that diverges fails with the training's own words", async () => {
    await publish("m1");
    const queue = await bench.queue(async () => {
      throw new UncoupleError("failed-precondition", "training diverged: the loss of step 7 is NaN");
    });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("step 7") },
    });
  });

  test("trains on although a checkpoint cannot be written", async () => {
    await publish("m1");
    const broken = {
      ...bench.store,
      saveCheckpoint: () => Promise.reject(new UncoupleError("resource-exhausted", "full")),
    };
    const queue = await bench.queue(fakeTraining().train, { store: broken });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ state: "succeeded" });
  });
});

test("the pipeline of these tests is what they say it is", () => {
  expect(benchPipeline.components.map(({ name, upstream }) => [name, upstream])).toEqual([
    ["m1", []],
    ["m2", ["m1"]],
  ]);
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { raceAbort } from "../../../../services/common/async/race-abort.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";
import { draft, model, quarantine, release, verdict } from "../../../helpers/drafts.ts";
import { drive } from "../../../helpers/drive.ts";
import {
  benchPipeline,
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  request,
  type TrainerBench,
  until,
} from "../../../helpers/trainer-bench.ts";

let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
});
afterEach(() => bench.close());

describe("pinning", () => {
  test("a run trains on the newest upstream snapshot and records it in its manifest", async () => {
    await bench.publish("m1");
    await bench.publish("m1");
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
      provenance: { upstream: { m1: 2 }, data: { fingerprint: "rows-1", rows: 4 } },
    });
    // Of what it reads, and of nothing else.
    const columns = manifest.provenance.data?.columns;
    expect(columns?.map(({ name }) => name)).toEqual(["x2"]);
    expect(columns?.[0]?.coordinates).toMatchObject([{ edges: [1, 2, 3, 4], range: [1, 4] }]);
  });

  test("the champion takes precedence over the newest snapshot", async () => {
    for (let i = 0; i < 3; i++) await bench.publish("m1");
    await bench.backplane.registry.setAlias("m1", "champion", 2, null, "test");
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a quarantined snapshot is skipped", async () => {
    for (let i = 0; i < 3; i++) await bench.publish("m1");
    await bench.backplane.quarantines.append(quarantine("m1", 3));
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a run without an upstream snapshot fails and names the missing one", async () => {
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("train m1 first") },
    });
  });

  test("a run trains on the newest judged snapshot, not on a newer one without a verdict", async () => {
    await bench.publish("m1");
    await bench.backplane.registry.publish(draft({ component: "m1" }), model(2), 1);
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 1 } });
  });

  test("a run whose upstream has no verdict yet waits, says for what, and goes on when one arrives", async () => {
    await bench.backplane.registry.publish(draft({ component: "m1" }), model(1), null);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request());
    const waiting = await until(queue, id, ({ state }) => state === "waiting");
    expect(waiting).toMatchObject({ waitingFor: "a verdict on m1@1", upstream: {} });
    await bench.backplane.verdicts.append(verdict("m1", 1));
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded", waitingFor: null, upstream: { m1: 1 } });
  });

  describe("under a gate that enforces", () => {
    const pipeline = { ...benchPipeline, gate: { ...DEFAULT_GATE, mode: "enforce" as const } };

    test("a run waits for a release of its upstream, and trains on what is released", async () => {
      await bench.publish("m1");
      await bench.publish("m1");
      const queue = await bench.queue(fakeTraining().train, { pipeline });
      const { id } = await queue.submit(request());
      const waiting = await until(queue, id, ({ state }) => state === "waiting");
      expect(waiting).toMatchObject({ waitingFor: "a release of m1", upstream: {} });
      await bench.backplane.ledger.append(release(1, { composition: { m1: 1 } }));
      expect(await ended(queue, id)).toMatchObject({ state: "succeeded", waitingFor: null, upstream: { m1: 1 } });
    });

    test("a run that gets no release in time fails and says who makes the first one", async () => {
      const clock = createVirtualClock();
      const slow = await openTrainerBench(clock);
      await slow.publish("m1");
      const queue = await slow.queue(fakeTraining().train, { pipeline, waitForVerdictSeconds: 900 });
      const { id } = await queue.submit(request());
      const { error } = await drive(clock, ended(queue, id));
      expect(error?.code).toBe("failed-precondition");
      expect(error?.message).toContain("m2 waited 900 s (--wait-for-verdict) for a release of m1: ");
      expect(error?.message).toContain("`uncouple promote m1@1`, or set `bootstrap: newest`");
      await slow.close();
    });
  });

  test("a run trains on what is released, not on what is newer and judged", async () => {
    for (let count = 0; count < 3; count++) await bench.publish("m1");
    await bench.backplane.ledger.append(release(1, { composition: { m1: 2 } }));
    const queue = await bench.queue(fakeTraining().train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ upstream: { m1: 2 } });
  });

  test("a run whose upstream is quarantined while it waits fails and names the missing one", async () => {
    await bench.backplane.registry.publish(draft({ component: "m1" }), model(1), null);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request());
    await until(queue, id, ({ state }) => state === "waiting");
    await bench.backplane.quarantines.append(quarantine("m1", 1));
    expect(await ended(queue, id)).toMatchObject({
      state: "failed",
      waitingFor: null,
      error: { code: "failed-precondition", message: expect.stringContaining("train m1 first") },
    });
  });

  test("a run that gets no verdict in time fails and says that no evaluator judges", async () => {
    const clock = createVirtualClock();
    const slow = await openTrainerBench(clock);
    await slow.backplane.registry.publish(draft({ component: "m1" }), model(1), null);
    const queue = await slow.queue(fakeTraining().train, { waitForVerdictSeconds: 900 });
    const { id } = await queue.submit(request());
    const done = await drive(clock, ended(queue, id));
    expect(done).toMatchObject({
      state: "failed",
      error: {
        code: "failed-precondition",
        message: expect.stringMatching(
          /waited 900 s \(--wait-for-verdict\) for a verdict on m1@1: no evaluator judges/,
        ),
      },
    });
    expect(Date.parse(done.finishedAt ?? "") - Date.parse(done.startedAt ?? "")).toBe(900_000);
    await slow.close();
  });

  test("a run that waits for a verdict can be cancelled", async () => {
    await bench.backplane.registry.publish(draft({ component: "m1" }), model(1), null);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request());
    await until(queue, id, ({ state }) => state === "waiting");
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled", waitingFor: null });
  });

  test("a run trains on what it was asked to train on, and fails if that was quarantined in the meantime", async () => {
    await bench.publish("m1");
    await bench.publish("m1");
    const queue = await bench.queue(fakeTraining().train);
    const first = await queue.submit({ ...request(), asked: { m1: 1 } });
    expect(await ended(queue, first.id)).toMatchObject({ state: "succeeded", upstream: { m1: 1 } });
    expect((await bench.store.load())[0]?.asked).toEqual({ m1: 1 });
    const manifest = await bench.backplane.registry.manifest("m2", 1);
    expect(manifest.provenance).toMatchObject({ upstream: { m1: 1 }, gating: { sets: true, cotrain: false } });
    await bench.backplane.quarantines.append(quarantine("m1", 1));
    const second = await queue.submit({ ...request({ sets: false }), asked: { m1: 1 } });
    expect(await ended(queue, second.id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: "m1@1 is quarantined, so that nothing can train on it" },
    });
  });

  test("the pinned snapshots are recorded before training starts", async () => {
    await bench.publish("m1");
    const seen: unknown[] = [];
    const { train } = fakeTraining();
    const queue = await bench.queue(async (training) => {
      seen.push((await bench.store.load())[0]?.pins);
      return train(training);
    });
    await ended(queue, (await queue.submit(request())).id);
    expect(seen).toEqual([{ upstream: { m1: 1 }, parent: null }]);
  });

  test("a protocol that needs the component's previous snapshot gets it", async () => {
    await bench.publish("m2");
    await bench.publish("m1");
    const sigma = { sigma: 0.1, lambda: 1 };
    const { train, trainings } = fakeTraining();
    const own = await bench.queue(train, { component: "m1" });
    const proximal = { component: "m1", protocol: { name: "proximal", parameters: sigma } };
    await ended(own, (await own.submit(request(proximal))).id);
    expect(trainings[0]?.previous).toBeDefined();
    expect(bench.loaded).toEqual(["m1@1"]);
  });
});

describe("publishing", () => {
  test("a run fails with a conflict if another process has published since it started", async () => {
    await bench.publish("m1");
    const { train } = fakeTraining(async (at) => {
      if (at === 2) await bench.publish("m2");
    });
    const queue = await bench.queue(train);
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "conflict", message: expect.stringContaining("m2@1") },
    });
    expect(await bench.backplane.registry.list("m2")).toHaveLength(1);
  });

  test("a registry outage only delays publishing", async () => {
    await bench.publish("m1");
    const { registry } = bench.backplane;
    let outages = 2;
    const away = async () => {
      if (outages-- > 0) throw new UncoupleError("unavailable", "the server is down");
    };
    const { train, trainings } = fakeTraining();
    const clock = createVirtualClock();
    const queue = await bench.queue(train, {
      ...bench.registryWith({
        publish: async (...parameters) => {
          await away();
          return registry.publish(...parameters);
        },
      }),
      clock,
    });
    const { id } = await queue.submit(request());
    expect(await drive(clock, ended(queue, id))).toMatchObject({ state: "succeeded", snapshot: 1 });
    expect(clock.elapsed()).toBe(250 + 500);
    expect(trainings).toHaveLength(1);
  });

  test("an outage longer than the limit fails the run, naming the limit", async () => {
    await bench.publish("m1");
    const away = async () => {
      throw new UncoupleError("unavailable", "the server is down");
    };
    const queue = await bench.queue(fakeTraining().train, {
      ...bench.registryWith({ publish: away }),
      unavailableSeconds: 0,
    });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "unavailable", message: expect.stringMatching(/unavailableSeconds.*the server is down/) },
    });
  });

  test("a run waits in sight of its watchers while an upstream model cannot be loaded", async () => {
    await bench.publish("m1");
    const clock = createVirtualClock();
    let failures = 2;
    const queue = await bench.queue(fakeTraining().train, {
      clock,
      load: async () => {
        if (failures-- > 0) throw new UncoupleError("unavailable", "no inference host");
        return { predict: async () => new Float32Array(4), dispose: async () => {} };
      },
    });
    const { id } = await queue.submit(request());
    expect(await until(queue, id, ({ state }) => state === "waiting")).toMatchObject({
      waitingFor: "no inference host",
    });
    const end = ended(queue, id);
    const running = until(queue, id, ({ state }) => state === "running");
    expect(await drive(clock, end)).toMatchObject({ state: "succeeded", waitingFor: null });
    expect(await running).toMatchObject({ waitingFor: null });
  });

  test("a cancel before the announcement stops it", async () => {
    await bench.publish("m1");
    const { registry } = bench.backplane;
    const queue = await bench.queue(
      fakeTraining().train,
      bench.registryWith({
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

  test("a cancel after the announcement is too late, even if the acknowledgement was lost", async () => {
    await bench.publish("m1");
    const { registry } = bench.backplane;
    const announced = gate();
    const queue = await bench.queue(
      fakeTraining().train,
      bench.registryWith({
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
  test("a running run stops at its next step and leaves no checkpoint", async () => {
    await bench.publish("m1");
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

  test("a run whose rows are still being read stops immediately", async () => {
    const neverRead = { use: (signal: AbortSignal) => raceAbort(new Promise<never>(() => {}), signal) };
    await bench.publish("m1");
    const queue = await bench.queue(fakeTraining().train, { data: neverRead });
    const { id } = await queue.submit(request());
    await until(queue, id, ({ upstream }) => upstream.m1 === 1);
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
  });

  test("a run waiting for the lease stops immediately", async () => {
    await bench.publish("m1");
    const lease = await bench.backplane.leases.acquire("train", "another trainer", new AbortController().signal);
    const queue = await bench.queue(fakeTraining().train);
    const { id } = await queue.submit(request({ protocol: { name: "sync", parameters: {} } }));
    await until(queue, id, ({ state }) => state === "waiting");
    await queue.cancel(id);
    expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
    await lease.release();
  });
});

describe("a run", () => {
  test("collects each warning once", async () => {
    await bench.publish("m1");
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

  test("reports step, loss, rate and remaining time", async () => {
    await bench.publish("m1");
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

  test("that diverges fails with the training's error", async () => {
    await bench.publish("m1");
    const queue = await bench.queue(async () => {
      throw new UncoupleError("failed-precondition", "training diverged: the loss of step 7 is NaN");
    });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({
      state: "failed",
      error: { code: "failed-precondition", message: expect.stringContaining("step 7") },
    });
  });

  test("continues if a checkpoint cannot be written", async () => {
    await bench.publish("m1");
    const broken = {
      ...bench.store,
      saveCheckpoint: () => Promise.reject(new UncoupleError("resource-exhausted", "full")),
    };
    const queue = await bench.queue(fakeTraining().train, { store: broken });
    expect(await ended(queue, (await queue.submit(request())).id)).toMatchObject({ state: "succeeded" });
  });
});

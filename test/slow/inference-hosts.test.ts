import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createInference } from "../../services/inference/client/create-inference.ts";
import { spawnedHosts } from "../../services/inference/connect/spawned-hosts.ts";
import { loadHosted, modelOfBytes } from "../../services/inference/hosted-model.ts";
import type { SnapshotContract } from "../../services/learning/snapshot/snapshot-model.ts";
import { oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { doubling, greedy, oneToOne, slow } from "../helpers/expensive-models.ts";
import { hostProcesses } from "../helpers/host-processes.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";

const MEMORY = 700 * 1024 ** 2;

test("a host runs 1,000 models one after another in the same memory and with the same descriptors", async () => {
  const connector = spawnedHosts({ memoryBytes: MEMORY, node: process.execPath }, systemClock);
  // Keeps 32 MiB: about 60 models.
  const settings = { hosts: 1, timeoutSeconds: 60, memoryBytes: 64 * 1024 ** 2 };
  const inference = createInference(settings, { connector, clock: systemClock });
  onTestFinished(() => inference.close());
  const table = {
    rows: 100,
    columns: { x: { kind: "numeric", width: 1, values: new Float32Array(100).fill(3) } },
  } as const;
  const measured: { readonly megabytes: number; readonly descriptors: number }[] = [];
  for (let count = 1; count <= 1000; count++) {
    const model = await loadHosted(inference, modelOfBytes(`m${count}`, doubling(`two${count}`), oneToOne));
    expect((await model.predict(table))[99]).toBe(6);
    if (count % 200 === 0) {
      const [pid] = hostProcesses();
      const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      measured.push({ megabytes: Number(resident) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length });
    }
  }
  const [first, ...later] = measured as [(typeof measured)[0], ...typeof measured];
  for (const { megabytes, descriptors } of later) {
    expect(descriptors).toBe(first.descriptors);
    expect(megabytes).toBeLessThan(first.megabytes + 40);
  }
  expect(inference.heldBytes().models).toBeLessThanOrEqual(32 * 1024 ** 2);
});

describe("an evaluator", () => {
  const m1 = oracleOf("m1");
  const contract: SnapshotContract = {
    inputs: [{ name: "x1", kind: "numeric", width: 10 }],
    output: { name: "z", kind: "numeric", width: 3 },
  };
  let nats: TestNats;
  let world: EvaluatorWorld;
  beforeEach(async () => {
    nats = await startTestNats();
    world = await openEvaluatorWorld(nats.url, "demo", 10_000);
    await world.publish("m2", oracleOf("m2"));
    await world.publish("m1", spoilt(m1, 0.5));
  });
  afterEach(async () => {
    await world.close();
    await nats.stop();
  });
  const open = () =>
    world.evaluator(
      { inference: { timeoutSeconds: 8, memoryBytes: MEMORY } },
      spawnedHosts({ memoryBytes: MEMORY, node: process.execPath }, systemClock),
    );

  test("stays alive while the worst models are judged, quarantines them, and judges the next", async () => {
    await world.publish("m1", slow(3000, 256, contract));
    await world.publish("m1", greedy(60_000, contract));
    await world.publish("m1", m1);
    const { httpPort } = await open();
    const statuses: number[] = [];
    let judged = false;
    const polling = (async () => {
      while (!judged) {
        statuses.push((await fetch(`http://127.0.0.1:${httpPort}/livez`)).status);
        await systemClock.sleep(50);
      }
    })();
    const { verdicts, quarantines } = await world.settled(5);
    judged = true;
    await polling;
    expect(quarantines.map(({ component, serial, reason }) => [component, serial, reason])).toEqual([
      ["m1", 2, "too-expensive"],
      ["m1", 3, "too-expensive"],
    ]);
    expect(quarantines[0]?.detail).toMatch(/--inference-timeout.* \(3 times, each in a fresh process\)/);
    expect(quarantines[1]?.detail).toMatch(/--inference-memory \(3 times, each in a fresh process\)/);
    expect(verdicts.map(({ component, serial, kind }) => [component, serial, kind]).at(-1)).toEqual([
      "m1",
      4,
      "improved",
    ]);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statuses.length).toBeGreaterThan(100);
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    expect(metrics).toMatch(/uncouple_inference_deaths_total\{cause="deadline".*\} [34]\n/);
    expect(metrics).toMatch(/uncouple_inference_deaths_total\{cause="memory".*\} [34]\n/);
    expect(metrics).toMatch(/uncouple_inference_restarts_total\{.*\} [6-8]\n/);
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "judges as if nothing had happened if its host gets %s in the middle of a call",
    async (signal) => {
      await world.publish("m1", slow(200, 256, contract));
      const { httpPort } = await open();
      // Until the host is in the pass of the slow model.
      const pass = /uncouple_evaluation_passes_total\{.*component="m1".*\} 2/;
      while (!pass.test(await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()))
        await systemClock.sleep(10);
      for (const pid of hostProcesses()) process.kill(pid, signal);
      const { verdicts, quarantines } = await world.settled(3);
      expect(quarantines).toEqual([]);
      expect(verdicts.map(({ component, serial, kind }) => [component, serial, kind])).toEqual([
        ["m2", 1, "inconclusive"],
        ["m1", 1, "inconclusive"],
        ["m1", 2, "degraded"],
      ]);
      const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      const cause = signal === "SIGSTOP" ? "deadline" : "crash";
      expect(metrics).toMatch(new RegExp(`uncouple_inference_deaths_total\\{cause="${cause}".*\\} 1\n`));
    },
  );
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { CandidateRun } from "../../services/pipeline/release.ts";
import type { Run } from "../../services/pipeline/run.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import type { Registry } from "../../services/registry/registry.ts";
import type { RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import { denseBytes, draftFor, oracleOf, twoStage } from "../helpers/dense-snapshots.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, runThat, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
let pipeline: string;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
/** m1@1 is released, and m1@2 is a candidate. */
beforeEach(async () => {
  pipeline = `candidates-${++worlds}`;
  world = await openTrainerWorld(nats.url, pipeline);
  for (const _ of [1, 2]) await publishM1(world.backplane.registry, pipeline);
  await releaseFirst();
});
afterEach(() => world.close());

async function publishM1(registry: Registry, name: string): Promise<SnapshotManifest> {
  return registry.publish(await draftFor({ ...twoStage, name }, "m1"), denseBytes(oracleOf("m1"), "z"), "any");
}

async function releaseFirst(): Promise<void> {
  await world.backplane.ledger.append({
    ...base(),
    entry: "release",
    number: 1,
    composition: { m1: 1 },
    previous: null,
    kind: "promote",
    cause: { type: "founded" },
    pinned: [],
    gate: null,
  });
}

const base = () => ({ version: 1, pipeline, at: "2026-11-29T00:00:00.000Z" }) as const;
const teamOf = (steps: number) => `{ model: { hidden: [16] }, steps: ${steps}, engine: onnx:cpu, cotrain: true }`;

/** Appends the request to train m2 on m1@2, or cancels it. */
async function ask(attempt: number, state: CandidateRun["state"] = "requested"): Promise<string> {
  const id = `m1@2:m2:${attempt}`;
  const candidate = { component: "m1", serial: 2 };
  const why = "m1@2 needs m2 retrained on it";
  const request = { entry: "candidate-run", id, state, candidate, consumer: "m2", attempt, release: 1 } as const;
  await world.backplane.ledger.append({ ...base(), ...request, upstream: { m1: 2 }, why });
  return id;
}

/** The newest run of a trainer for a candidate, once there is one. */
async function candidateRun(client: RemoteTrainer): Promise<Run> {
  for (;;) {
    const run = (await client.listRuns()).find(({ trigger }) => trigger === "candidate");
    if (run !== undefined) return run;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const m2 = (serial: number) => world.backplane.registry.manifest("m2", serial);

test("a request in the ledger leads to a snapshot with its pins and its id; a person can train on the same candidate", async () => {
  const { client } = await world.trainer("m2", { team: teamOf(60) });
  const id = await ask(2);
  const run = await endOf(client, (await candidateRun(client)).id);
  expect(run).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 2 } });
  const gating = { sets: true, cotrain: true };
  expect((await m2(1)).provenance).toMatchObject({ candidateRun: id, upstream: { m1: 2 }, seed: 2, gating });
  // Without a request, what is released is trained on.
  await endOf(client, (await client.startRun({})).id);
  expect((await m2(2)).provenance).toMatchObject({ upstream: { m1: 1 }, seed: 1, gating });
  await endOf(client, (await client.startRun({ upstream: { m1: 2 } })).id);
  const asked = await m2(3);
  expect(asked.provenance).toMatchObject({ upstream: { m1: 2 }, seed: 1 });
  expect(asked.provenance.candidateRun).toBeUndefined();
  await expect(client.startRun({ upstream: { m1: 9 } })).rejects.toMatchObject({
    code: "not-found",
    message: "no snapshot m1@9: its newest is 2",
  });
});

test("a candidate of another pipeline is trained on as any other", async () => {
  await world.close();
  pipeline = "borrower";
  const components = `
  m1: { from: lender/m1 }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
shared:
  lender/m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
`;
  world = await openTrainerWorld(nats.url, pipeline, { components });
  const lender = await connectJetStream({ clock: systemClock, url: nats.url, pipeline: "lender", name: "test" });
  for (const serial of [1, 2]) {
    const original = await publishM1(lender.registry, "lender");
    const provenance = { origin: { pipeline: "lender", component: "m1", serial } };
    const draft = await draftFor({ ...twoStage, name: pipeline }, "m1", { provenance });
    await world.backplane.registry.link(draft, original, "any");
  }
  await releaseFirst();
  const { client } = await world.trainer("m2", { team: teamOf(60) });
  const id = await ask(1);
  const run = await endOf(client, (await candidateRun(client)).id);
  expect(run).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 2 } });
  expect((await m2(1)).provenance).toMatchObject({ candidateRun: id, upstream: { m1: 2 } });
  await lender.close();
});

test("a cancelled request ends its run", async () => {
  const { client } = await world.trainer("m2", { team: teamOf(100_000_000) });
  await ask(1);
  const { id } = await candidateRun(client);
  await runThat(client, id, ({ step }) => step > 0);
  await ask(1, "cancelled");
  expect(await endOf(client, id)).toMatchObject({ state: "cancelled", snapshot: null });
  expect(await world.backplane.registry.list("m2")).toEqual([]);
});

test("a run for a request that is killed goes on after a restart, and is not repeated", async () => {
  const team = teamOf(5_000);
  let trainer = await world.spawn("m2", { team });
  const id = await ask(1);
  const run = await candidateRun(trainer.client);
  await runThat(trainer.client, run.id, ({ step }) => step >= 500);
  await trainer.end("SIGKILL");
  trainer = await world.spawn("m2", { team });
  expect(await endOf(trainer.client, run.id)).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 2 } });
  expect((await m2(1)).provenance).toMatchObject({ candidateRun: id, upstream: { m1: 2 } });
  await trainer.end("SIGKILL");
  trainer = await world.spawn("m2", { team });
  const again = await endOf(trainer.client, (await trainer.client.startRun({ upstream: { m1: 2 } })).id);
  expect(again).toMatchObject({ state: "succeeded", snapshot: 2 });
  // The same pins, seed and steps, without a kill, give the same bits.
  expect((await m2(2)).digest).toBe((await m2(1)).digest);
  expect(await trainer.client.listRuns()).toHaveLength(2);
});

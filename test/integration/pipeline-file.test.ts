import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { readPipelineFile } from "../../services/data/read-pipeline.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import { contentOf, digestOf, shortDigest } from "../../services/pipeline/pipeline-content.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { endOf, openTrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

const connect = (pipeline: string, create = true) =>
  connectJetStream({ clock: systemClock, url: nats.url, pipeline, name: "test", create });

interface Health {
  readonly ready: string;
  readonly grpc: string;
}

async function healthOf(service: { readonly httpPort: number; readonly grpcPort: number }): Promise<Health> {
  const client = new (makeGenericClientConstructor(healthService, "Health"))(
    `127.0.0.1:${service.grpcPort}`,
    credentials.createInsecure(),
  );
  const grpc = await new Promise<string>((resolve) => {
    const answer = (error: Error | null, response?: { status: string }) =>
      resolve(error?.message ?? response?.status ?? "");
    (client as unknown as { check(request: object, done: typeof answer): void }).check({ service: "" }, answer);
  });
  client.close();
  const ready = await (await fetch(`http://127.0.0.1:${service.httpPort}/readyz`)).text();
  return { ready: ready.trim(), grpc };
}

test("services with another file than the applied one are alive and not ready, and become ready when theirs is applied", async () => {
  const world = await openTrainerWorld(nats.url, "file-ready", { judged: false });
  const { pipelineFile, backplane } = world;
  const parsed = await readPipelineFile(pipelineFile);
  const { pipeline } = parsed as { readonly pipeline: Pipeline };
  const own = contentOf(pipeline);
  const other = contentOf({ ...pipeline, objective: "m1" });
  const evaluator = await runEvaluator(
    { pipelineFile, name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    { connect: ({ name }) => connect(name), hosts: testHosts, clock: systemClock, log: silentLog },
  );
  const m1 = await world.trainer("m1");
  const all = async () => Promise.all([m1, evaluator].map(healthOf));
  const serving: Health = { ready: "ready", grpc: "SERVING" };
  expect(await all()).toEqual([serving, serving]);

  await backplane.pipelines.apply(other, null, "ann");
  const refusal = `${pipelineFile} is ${shortDigest(digestOf(own))}, and pipeline file-ready is at ${shortDigest(digestOf(other))}`;
  const refused: Health = {
    ready: expect.stringMatching(new RegExp(`^not ready\npipeline file: ${refusal} \\(applied by ann, `)),
    grpc: "NOT_SERVING",
  };
  await vi.waitFor(async () => expect(await all()).toEqual([refused, refused]), { timeout: 10_000 });
  // Also after a restart.
  const late = await world.trainer("m2");
  expect(await healthOf(late)).toEqual(refused);
  for (const { httpPort } of [m1, late, evaluator]) {
    expect((await fetch(`http://127.0.0.1:${httpPort}/livez`)).status).toBe(200);
  }
  await expect(m1.client.startRun({})).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining(refusal),
  });
  const files = { pipelineDigest: digestOf(own), appliedDigest: digestOf(other) };
  expect(await m1.client.status()).toMatchObject(files);
  const judging = connectEvaluator(`127.0.0.1:${evaluator.grpcPort}`, { clock: systemClock });
  expect(await judging.status()).toMatchObject(files);
  judging.close();

  await backplane.pipelines.apply(own, digestOf(other), "ann");
  await vi.waitFor(async () => expect([...(await all()), await healthOf(late)]).toEqual([serving, serving, serving]), {
    timeout: 10_000,
  });
  await endOf(m1.client, (await m1.client.startRun({})).id);
  await vi.waitFor(async () => expect(await backplane.verdicts.list()).toHaveLength(1), { timeout: 30_000 });
  const [manifest] = await backplane.registry.list();
  const [verdict] = await backplane.verdicts.list();
  expect([manifest?.pipelineDigest, verdict?.pipelineDigest]).toEqual([digestOf(own), digestOf(own)]);
  await evaluator.stop();
  await world.close();
});

test("in a store of an earlier version, nothing was applied yet", async () => {
  await (await connect("file-early")).close();
  const raw = await connectRaw(nats.url);
  await raw.jsm.streams.delete("uncouple-file-early-pipelines");
  await raw.close();
  const reader = await connect("file-early", false);
  expect(await reader.pipelines.current()).toBeUndefined();
  expect(await reader.pipelines.history()).toEqual([]);
  await reader.close();
});

test("what only a newer version can read stays in force, and messages that are no pipeline files count for nothing", async () => {
  const backplane = await connect("file-newer");
  const content = { name: "file-newer", objective: "a" };
  const first = await backplane.pipelines.apply(content, null, "ann");
  const raw = await connectRaw(nats.url);
  const subject = "uncouple.file-newer.pipelines.applied";
  const forged = { ...first, content: { ...content, objective: "b" } };
  for (const message of ["nonsense", JSON.stringify(forged), JSON.stringify({ ...first, pipeline: "other" })]) {
    await raw.nc.jetstream().publish(subject, message);
  }
  expect((await backplane.pipelines.current())?.value).toEqual(first);
  const second = await backplane.pipelines.apply(forged.content, first.digest, "ann");
  expect((await backplane.pipelines.history()).map(({ value }) => value)).toEqual([first, second]);
  await raw.nc.jetstream().publish(subject, JSON.stringify({ ...second, version: 2 }));
  const newer = { code: "failed-precondition", message: expect.stringContaining("a newer version of Uncouple wrote") };
  await expect(backplane.pipelines.current()).rejects.toMatchObject(newer);
  await expect(backplane.pipelines.apply(content, second.digest, "ann")).rejects.toMatchObject(newer);
  await raw.close();
  await backplane.close();
});

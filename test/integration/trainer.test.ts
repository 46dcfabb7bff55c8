import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
let world: TrainerWorld;
let worlds = 0;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  world = await openTrainerWorld(nats.url, `trainer-${++worlds}`);
});
afterEach(() => world.close());

describe("a trainer over gRPC", () => {
  test("trains, shows how it goes, and publishes what a consumer then trains on", async () => {
    const m1 = await world.trainer("m1");
    const started = await m1.client.startRun({});
    expect(started).toMatchObject({ component: "m1", state: "queued", trigger: "request", steps: 60 });
    const seen: string[] = [];
    for await (const run of m1.client.watchRun(started.id, new AbortController().signal)) seen.push(run.state);
    expect(seen.at(-1)).toBe("succeeded");
    const m2 = await world.trainer("m2");
    const done = await endOf(m2.client, (await m2.client.startRun({})).id);
    expect(done).toMatchObject({ state: "succeeded", snapshot: 1, upstream: { m1: 1 }, step: 60 });
    expect(await world.backplane.registry.manifest("m2", 1)).toMatchObject({ upstream: { m1: 1 }, runId: done.id });
  });
});

import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { oracleOf, spoilt } from "../helpers/dense-snapshots.ts";
import { openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { isSigned, startReceiver } from "../helpers/webhook-receiver.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

test("evaluators tell webhooks of releases, a dead one delays nothing, and the next evaluator goes on", async () => {
  const [receiver, dead] = [await startReceiver(), await startReceiver()];
  await dead.stop();
  const webhooks = [dead.url, receiver.url].map(
    (url) => `  - { url: "${url}", on: [released], secret_file: hook.key }`,
  );
  const world = await openEvaluatorWorld(nats.url, "hooks", 400, ["webhooks:", ...webhooks].join("\n"));
  try {
    await writeFile(join(dirname(world.pipelineFile), "hook.key"), "key of the hook");
    const first = await world.evaluator();
    // A webhook is told what comes after its first sight.
    await vi.waitFor(async () => expect(await world.backplane.ledger.end()).toBe(2), 20_000);
    await world.publish("m1", spoilt(oracleOf("m1"), 0.5));
    await world.publish("m2", oracleOf("m2"));
    await world.settled(2);
    await vi.waitFor(() => expect(receiver.received.at(-1)?.body.text).toContain("m1@1,m2@1"), 20_000);
    await first.stop();
    await world.evaluator({ name: "e2" });
    await world.publish("m1", oracleOf("m1"));
    await vi.waitFor(() => expect(receiver.received.at(-1)?.body.text).toContain("m1@2,m2@1"), 20_000);
    const positions = receiver.received.map(({ body }) => body.position);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    for (const one of receiver.received) expect(isSigned(one, "key of the hook", systemClock.now())).toBe(true);
  } finally {
    await world.close();
    await receiver.stop();
  }
});

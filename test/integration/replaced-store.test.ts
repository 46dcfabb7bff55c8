import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld } from "../helpers/trainer-world.ts";

test("services exit when the server comes back with an empty store, and use the new store after a restart", async () => {
  const nats = await startTestNats();
  const world = await openTrainerWorld(nats.url, "replaced", { judged: false });
  const startEvaluator = () =>
    runEvaluator(
      { pipelineFile: world.pipelineFile, name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
      {
        hosts: testHosts,
        connect: ({ name }) => connectJetStream({ clock: systemClock, url: nats.url, pipeline: name, name: "e1" }),
        clock: systemClock,
        log: silentLog,
      },
    );
  const evaluator = await startEvaluator();
  const trainer = await world.spawn("m1");
  expect((await endOf(trainer.client, (await trainer.client.startRun({})).id)).snapshot).toBe(1);
  await nats.kill();
  await rm(join(nats.storeDir, "jetstream"), { recursive: true });
  const exited = once(trainer.process, "exit");
  const finished = evaluator.lifecycle.finished.catch((thrown: unknown) => thrown);
  await nats.restart();
  expect(await finished).toMatchObject({ code: "data-loss", message: expect.stringContaining("was replaced") });
  expect(await exited).toEqual([9, null]);

  const again = await startEvaluator();
  const trainerAgain = await world.spawn("m1");
  expect((await endOf(trainerAgain.client, (await trainerAgain.client.startRun({})).id)).snapshot).toBe(1);
  const fresh = await connectJetStream({
    clock: systemClock,
    url: nats.url,
    pipeline: "replaced",
    name: "test",
    create: false,
  });
  while ((await fresh.verdicts.list()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await fresh.close();
  await again.stop();
  await world.close();
  await nats.stop();
});

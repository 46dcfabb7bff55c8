import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type SnapshotManifest, snapshotName } from "../../services/pipeline/manifest.ts";
import { connectJetStream, type JetStreamBackplane } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { endOf, openTrainerWorld } from "../helpers/trainer-world.ts";

test("after the loss of the whole store, services go on from a backup: same verdicts, the next serial, new verdicts", async () => {
  const nats = await startTestNats();
  const world = await openTrainerWorld(nats.url, "lost", { judged: false });
  const place = ["--nats", nats.url, "--pipeline", "lost"];
  const open = () =>
    connectJetStream({ clock: systemClock, url: nats.url, pipeline: "lost", name: "test", create: false });
  const evaluate = () =>
    spawnCli(["evaluator", "--pipeline", world.pipelineFile, "--nats", nats.url, "--port", "0", "--metrics-port", "0"]);
  const train = async (trainer: Awaited<ReturnType<typeof world.spawn>>) =>
    (await endOf(trainer.client, (await trainer.client.startRun({})).id)).snapshot;
  /** What the evaluators have said, when they have said so much. */
  const verdictsOf = async ({ verdicts }: JetStreamBackplane, count: number) => {
    while ((await verdicts.list()).length < count) await systemClock.sleep(20);
    return verdicts.list();
  };
  const bytesOf = async ({ registry }: JetStreamBackplane, manifests: readonly SnapshotManifest[]) => {
    const read = await Promise.all(manifests.map((manifest) => registry.bytes(manifest)));
    return read.map((bytes, index) => [snapshotName(manifests[index] as SnapshotManifest), Buffer.from(bytes)]);
  };

  const evaluator = evaluate();
  const trainer = await world.spawn("m1");
  expect([await train(trainer), await train(trainer)]).toEqual([1, 2]);
  const before = await open();
  const verdicts = await verdictsOf(before, 2);
  const manifests = await before.registry.list();
  const bytes = await bytesOf(before, manifests);
  const state = join(world.dir, "state");
  const saved = await cli(["backup", "lost.tar", ...place, "--state", state], { cwd: world.dir });
  expect(saved.stdout).toMatch(
    /^wrote lost\.tar: pipeline lost at \S+: 2 snapshots, 2 models .*, 2 verdicts, \d files/,
  );
  // Lost with the store.
  expect(await train(trainer)).toBe(3);
  await verdictsOf(before, 3);
  await before.close();

  await nats.kill();
  await rm(join(nats.storeDir, "jetstream"), { recursive: true });
  const exits = [evaluator.ended, once(trainer.process, "exit").then(([code]) => code as number)];
  await nats.restart();
  expect(await Promise.all(exits)).toEqual([9, 9]);
  // A supervisor starts it again at once, on an empty store.
  const hasty = evaluate();
  await hasty.seen(/"grpc":/);
  const restored = await cli(["restore", "lost.tar", ...place.slice(0, 2), "--state", join(world.dir, "other")], {
    cwd: world.dir,
  });
  expect(restored).toMatchObject({ code: 0, stderr: expect.not.stringContaining("uncouple:") });
  expect(await hasty.ended).toBe(9);

  const after = await open();
  expect(await after.verdicts.list()).toEqual(verdicts);
  expect(await after.registry.list()).toEqual(manifests);
  expect(await bytesOf(after, manifests)).toEqual(bytes);
  const last = evaluate();
  const again = await world.spawn("m1");
  expect(await train(again)).toBe(3);
  const [, , third] = await verdictsOf(after, 3);
  expect(third).toMatchObject({ component: "m1", serial: 3, comparison: null });
  expect((await after.verdicts.list()).slice(0, 2)).toEqual(verdicts);
  expect(await readdir(join(world.dir, "other/lost/m1/runs"))).toHaveLength(2);
  expect(await readdir(join(world.dir, "state/lost/m1/runs"))).toHaveLength(4);
  last.child.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  await after.close();
  await world.close();
  await nats.stop();
});

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { applyPipelineFile } from "../../services/cli/stack/apply-file.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { readPipelineFile } from "../../services/data/read-pipeline.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { draft, model } from "../helpers/drafts.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, quickTeam, type TrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

const m1 = "m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }";
const y = "output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse";
const open = (name: string, components: string) =>
  openTrainerWorld(nats.url, name, { components: `\n  ${components}\n`, judged: false });
const run = (world: TrainerWorld, ...args: string[]) =>
  cli([...args, "--nats", nats.url], { cwd: world.dir, env: { USER: "ann" } });
const json = async (world: TrainerWorld, pipeline: string, ...args: string[]) =>
  JSON.parse((await run(world, ...args, "--pipeline", pipeline, "--json")).stdout) as never;

/** Starts an evaluator of a world's pipeline. */
const evaluate = ({ pipelineFile }: TrainerWorld) =>
  runEvaluator(
    { pipelineFile, name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    {
      connect: ({ name: pipeline }) => connectJetStream({ clock: systemClock, url: nats.url, pipeline, name: "e1" }),
      hosts: testHosts,
      clock: systemClock,
      log: silentLog,
    },
  );

async function train(trainer: Awaited<ReturnType<TrainerWorld["trainer"]>>): Promise<SnapshotManifest["serial"]> {
  const { id } = await trainer.client.startRun({});
  const ended = await endOf(trainer.client, id);
  expect(ended.error).toBeNull();
  return ended.snapshot ?? 0;
}

test("a component that one pipeline trains is judged, released and trained on in another, and stored once", async () => {
  const ads = await open("ads", m1);
  const bids = await open("bids", `click: { from: ads/m1 }\n  m2: { columns: [x2], upstream: [click], ${y} }`);
  expect(await run(ads, "pipeline", "apply", "pipeline.yaml")).toMatchObject({ code: 0 });
  expect(await run(bids, "pipeline", "apply", "pipeline.yaml")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      "pipeline.yaml:4: components.click.from: the contract of ads/m1 is not in this file",
    ),
  });
  expect(await run(bids, "pipeline", "lock", "pipeline.yaml")).toMatchObject({ code: 0 });
  expect(await run(bids, "pipeline", "lock", "pipeline.yaml", "--check")).toMatchObject({ code: 0 });
  expect(await run(bids, "pipeline", "apply", "pipeline.yaml")).toMatchObject({ code: 0 });
  await expect(bids.trainer("click")).rejects.toThrow("click is ads/m1; pipeline ads trains it");

  const [judging, using] = [await evaluate(ads), await evaluate(bids)];
  const owner = await ads.trainer("m1", { team: quickTeam.replace("steps: 60", "steps: 2") });
  const consumer = await bids.trainer("m2");
  const inUse = async () => (await bids.backplane.ledger.release())?.value.composition;
  await train(owner);
  await vi.waitFor(async () => expect(await inUse()).toEqual({ click: 1 }), { timeout: 30_000 });
  await train(consumer);
  await vi.waitFor(async () => expect(await inUse()).toEqual({ click: 1, m2: 1 }), { timeout: 30_000 });
  await train(owner);
  await vi.waitFor(async () => expect(await inUse()).toEqual({ click: 2, m2: 1 }), { timeout: 30_000 });

  // Everything that people read names the pipeline that the snapshot comes from.
  const origin = { pipeline: "ads", component: "m1", serial: 2 };
  expect(await bids.backplane.verdicts.get("click", 2)).toMatchObject({ pipeline: "bids", origin, comparison: {} });
  const listed = await run(bids, "snapshots", "--pipeline", "bids");
  expect(listed.stdout).toContain("click@2 (ads/m1@2)");
  expect(await json(bids, "bids", "show", "click@2")).toMatchObject({
    manifest: { provenance: { origin } },
    usedBy: [],
  });
  expect(await json(ads, "ads", "show", "m1@2")).toMatchObject({ usedBy: ["bids"] });
  expect((await run(ads, "snapshots", "--pipeline", "ads")).stdout).toContain("m1@1 is used by bids");
  const evaluator = `127.0.0.1:${using.grpcPort}`;
  const verdicts = await cli(["verdicts", "click", "--evaluator", evaluator]);
  expect(verdicts.stdout).toContain("click@2 (ads/m1@2)  ");
  expect(JSON.parse((await cli(["verdicts", "click", "--evaluator", evaluator, "--json"])).stdout)).toMatchObject([
    {},
    { pipeline: "bids", origin },
  ]);

  // Nothing is stored twice.
  const stored = (await bids.backplane.usage()).models.used;
  expect(stored).toBeLessThan(2 * ((await bids.backplane.registry.latest("m2"))?.size ?? 0));
  await Promise.all([judging.stop(), using.stop()]);

  // Who changes the component is told who uses it.
  await writeFile(ads.pipelineFile, (await readFile(ads.pipelineFile, "utf8")).replace("name: z,", "name: w,"));
  expect((await run(ads, "pipeline", "apply", "pipeline.yaml", "--dry-run")).stderr).toBe(
    "used by other pipelines, which get nothing newer until they lock and apply: m1 (by bids)\n",
  );

  // The owner can give up a pipeline that no longer exists.
  const forget = (name: string) => run(ads, "gc", "--pipeline", "ads", "--keep", "1", "--forget", name);
  expect(await forget("nobody")).toMatchObject({
    code: 3,
    stderr: 'uncouple: pipeline "nobody" uses no snapshots of this one; those that do: bids\n',
  });
  expect(await forget("bids")).toMatchObject({ code: 0 });
  expect((await ads.backplane.retention.state()).references).toEqual([]);
  await bids.close();
  await ads.close();
}, 120_000);

test("a cycle through pipelines is refused when it is applied, and when a service starts", async () => {
  const one = await open("one", m1);
  const two = await open("two", "b: { from: one/m1 }");
  const apply = (world: TrainerWorld) => run(world, "pipeline", "apply", "pipeline.yaml", "--breaking");
  expect((await apply(one)).code).toBe(0);
  expect((await run(two, "pipeline", "lock", "pipeline.yaml")).code).toBe(0);
  expect((await apply(two)).code).toBe(0);
  await writeFile(one.pipelineFile, (await readFile(one.pipelineFile, "utf8")).replace(m1, "m1: { from: two/b }"));
  expect((await run(one, "pipeline", "lock", "pipeline.yaml")).stderr).toBe("");
  const cycle = "components depend on themselves through other pipelines: one/m1 <- two/b <- one/m1";
  expect(await apply(one)).toMatchObject({ code: 5, stderr: expect.stringContaining(cycle) });
  await expect(evaluate(one)).rejects.toThrow(cycle);
  await two.close();
  await one.close();
}, 60_000);

test("a pipeline whose owner says something else is not applied", async () => {
  const owner = await open("owner", m1);
  const user = await open("user", `a: { from: owner/m1 }`);
  const apply = () => run(user, "pipeline", "apply", "pipeline.yaml");
  expect((await run(owner, "pipeline", "apply", "pipeline.yaml")).code).toBe(0);
  expect((await run(user, "pipeline", "lock", "pipeline.yaml")).code).toBe(0);
  const locked = await readFile(join(user.dir, "pipeline.yaml"), "utf8");
  // A stack of the pipeline starts again, whatever its owner has changed since.
  const up = {
    access: { url: nats.url, files: {} },
    store: {},
    clock: systemClock,
    name: "test",
    breaking: false,
    by: "ann",
  };
  const start = async () => {
    const parsed = await readPipelineFile(user.pipelineFile);
    if ("problems" in parsed) throw new Error("the file is valid");
    return applyPipelineFile({ ...up, pipeline: parsed.pipeline });
  };
  expect((await apply()).code).toBe(0);
  await writeFile(owner.pipelineFile, (await readFile(owner.pipelineFile, "utf8")).replace("name: z,", "name: w,"));
  expect((await run(owner, "pipeline", "apply", "pipeline.yaml", "--breaking")).code).toBe(0);
  expect(await start()).toMatchObject({ applied: false });
  await writeFile(user.pipelineFile, locked.replace('"width":3', '"width":2'));
  await expect(start()).rejects.toThrow('is "w" in pipeline owner, but "z" here');
  await writeFile(owner.pipelineFile, (await readFile(owner.pipelineFile, "utf8")).replace("name: w,", "name: z,"));
  expect((await run(owner, "pipeline", "apply", "pipeline.yaml", "--breaking")).code).toBe(0);
  expect((await apply()).stderr).toContain("`output.width` is 3 in pipeline owner, but 2 here");
  expect(await run(user, "pipeline", "lock", "pipeline.yaml", "--check")).toMatchObject({ code: 4 });
  await writeFile(user.pipelineFile, locked.replaceAll("owner/m1", "nobody/m1"));
  expect((await apply()).stderr).toContain("pipeline nobody has applied no pipeline file");
  expect((await run(user, "pipeline", "lock", "pipeline.yaml")).code).toBe(3);
  await user.close();
  await owner.close();
}, 60_000);

test("a backup has links without models, and a restore finds these with their owner", async () => {
  const connect = (pipeline: string) => connectJetStream({ clock: systemClock, url: nats.url, pipeline, name: "test" });
  const [lender, borrower] = [await connect("lender"), await connect("borrower")];
  const original = await lender.registry.publish(draft({ pipeline: "lender" }), model(1), null);
  const origin = { pipeline: "lender", component: "m1", serial: 1 };
  await borrower.registry.publish(draft({ pipeline: "borrower", component: "own" }), model(2), null);
  const linked = draft({ pipeline: "borrower", component: "click", provenance: { origin } });
  await borrower.registry.link(linked, original, null);
  await borrower.close();
  const dir = await mkdtemp(join(tmpdir(), "uncouple-shared-"));
  const command = (...args: string[]) => cli([...args, "--nats", nats.url], { cwd: dir });
  const made = await command("backup", "borrower.tar", "--pipeline", "borrower", "--json");
  expect(made).toMatchObject({ code: 0 });
  expect(JSON.parse(made.stdout)).toMatchObject({ models: 1 });
  expect(await command("restore", "borrower.tar", "--force")).toMatchObject({ code: 0 });
  const restored = await connect("borrower");
  const manifest = await restored.registry.manifest("click", 1);
  expect(Buffer.compare(await restored.registry.bytes(manifest), model(1))).toBe(0);
  await restored.close();
  await lender.close();
  await rm(dir, { recursive: true });
}, 60_000);

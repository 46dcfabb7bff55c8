import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, type TrainerOfTest, type TrainerWorld } from "../helpers/trainer-world.ts";

const NAME = "walled";

let nats: TestNats;
let world: TrainerWorld;
/** The machine of the evaluators, which has no training rows. */
let away: string;
beforeAll(async () => {
  nats = await startTestNats();
  world = await openTrainerWorld(nats.url, NAME, {
    judged: false,
    data: "{ source: file, path: rows.csv, key: id, group: user, held_out: { path: held-out/ } }",
    components: `
  m1: { columns: [x], output: { name: o, meaning: scalar }, target: z }
  m2: { columns: [w], upstream: [m1], output: { name: p, meaning: scalar }, target: y, data: { path: m2.csv } }
slices: [shop]
`,
  });
  away = await mkdtemp(join(tmpdir(), "wall-evaluator-"));
  await mkdir(join(away, "held-out"));
  await writeFile(join(away, "pipeline.yaml"), await readFile(world.pipelineFile));
});
afterAll(async () => {
  await world.close();
  await nats.stop();
  await rm(away, { recursive: true, force: true });
});

const COLUMNS = ["id", "user", "shop", "w", "x", "z", "y"];

/** Writes some of an endless sequence of rows. @param columns without some of which a place can be */
async function writeRows(file: string, from: number, to: number, columns: readonly string[] = COLUMNS): Promise<void> {
  const random = createRandom(1, "wall");
  const lines: string[] = [];
  for (let i = 0; i < to; i += 1) {
    const [x, w] = [random.gaussian(), random.gaussian()];
    const row: Record<string, unknown> = { id: i, user: i % 97, shop: `shop-${i % 2}`, w, x, z: 2 * x, y: x + w };
    if (i >= from) lines.push(columns.map((name) => row[name]).join(","));
  }
  await writeFile(file, `${columns.join(",")}\n${lines.join("\n")}\n`);
}

async function evaluator(name: string) {
  return runEvaluator(
    { pipelineFile: join(away, "pipeline.yaml"), name, host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    {
      connect: () => connectJetStream({ clock: systemClock, url: nats.url, pipeline: NAME, name }),
      hosts: testHosts,
      clock: systemClock,
      log: silentLog,
    },
  );
}

async function train({ client }: TrainerOfTest) {
  const { id } = await client.startRun({});
  expect(await endOf(client, id)).toMatchObject({ state: "succeeded" });
  const { component } = await client.status();
  return (await world.backplane.registry.latest(component))?.provenance;
}

async function verdictsWhen(count: number) {
  for (;;) {
    const verdicts = await world.backplane.verdicts.list();
    if (verdicts.length >= count) return verdicts;
    await systemClock.sleep(20);
  }
}

test("teams train where there are no held-out rows, and are judged where there are no training rows", async () => {
  await writeRows(join(world.dir, "rows.csv"), 0, 400);
  // Without what m2 may not see: the target of m1, and the slice.
  await writeRows(join(world.dir, "m2.csv"), 0, 400, ["id", "user", "w", "x", "y"]);
  await writeRows(join(away, "held-out", "a.csv"), 400, 600);
  const first = await evaluator("first");
  const m1 = await world.trainer("m1");
  const m2 = await world.trainer("m2");
  const data = (await train(m1))?.data;
  expect(data?.rows).toBe(400);
  expect(data?.until).toBeUndefined();
  await verdictsWhen(1);
  expect((await train(m2))?.data?.rows).toBe(400);
  const [one, two] = await verdictsWhen(2);
  expect([one?.heldOut, two?.heldOut]).toMatchObject([{ generation: 1 }, { generation: 1 }]);
  expect(await world.backplane.generations.current()).toMatchObject({ generation: 1, rows: 200 });
  await first.stop();

  // Held-out rows grow where they are, and begin a generation; training rows know nothing of it.
  await writeRows(join(away, "held-out", "b.csv"), 600, 700);
  const second = await evaluator("second");
  while ((await world.backplane.generations.current())?.generation !== 2) await systemClock.sleep(20);
  expect(await world.backplane.generations.current()).toMatchObject({ rows: 300, current: { m1: 1, m2: 1 } });
  expect((await train(m1))?.data?.rows).toBe(400);
  const verdicts = await verdictsWhen(3);
  expect(verdicts[2]?.heldOut).toMatchObject({ generation: 2 });
  expect(verdicts[2]?.comparison?.slices?.map(({ value }) => value)).toEqual(["shop-0", "shop-1"]);
  await second.stop();
});

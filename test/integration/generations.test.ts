import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { cli } from "../helpers/cli.ts";
import { testHosts } from "../helpers/hosts.ts";
import { silentLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld, type TrainerOfTest, type TrainerWorld } from "../helpers/trainer-world.ts";

const NAME = "shop";
const COMPONENTS = `
  m1: { columns: [x], output: { name: z, meaning: scalar }, target: z }
  m2: { columns: [x], upstream: [m1], output: { name: y, meaning: scalar }, target: y }
split: { by: time, column: day, held_out: 20d, gap: 2d }
verdict: { horizon: 2 }
slices: [shop]
`;

let nats: TestNats;
let world: TrainerWorld;
beforeAll(async () => {
  nats = await startTestNats();
  world = await openTrainerWorld(nats.url, NAME, {
    judged: false,
    data: "{ source: file, path: rows.csv, key: shop, group: user }",
    components: COMPONENTS,
  });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

/** Writes the rows of the first days of 2026, ten a day, which stay the same when days are added. */
async function writeDays(days: number, file = "rows.csv"): Promise<void> {
  const random = createRandom(1, "generations");
  const lines = Array.from({ length: 10 * days }, (_, i) => {
    const day = new Date(Date.UTC(2026, 0, 1 + Math.floor(i / 10))).toISOString().slice(0, 10);
    const [x, noise] = [random.gaussian(), 0.3 * random.gaussian()];
    return `${i},user-${i % 40},shop-${i % 3},${day},${x},${2 * x + noise},${3 * x + noise}`;
  });
  await writeFile(join(world.dir, file), `id,user,shop,day,x,z,y\n${lines.join("\n")}\n`);
}

async function evaluator(name: string, pipelineFile = world.pipelineFile) {
  return runEvaluator(
    { pipelineFile, name, host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    {
      connect: () => connectJetStream({ clock: systemClock, url: nats.url, pipeline: NAME, name }),
      hosts: testHosts,
      clock: systemClock,
      log: silentLog,
    },
  );
}

/** Trains once. @returns until when rows were trained on */
async function train({ client }: TrainerOfTest): Promise<string | undefined> {
  const { id } = await client.startRun({});
  const run = await endOf(client, id);
  expect(run).toMatchObject({ state: "succeeded" });
  const { component } = await client.status();
  return (await world.backplane.registry.latest(component))?.provenance.data?.until;
}

async function verdictsWhen(count: number) {
  for (;;) {
    const verdicts = await world.backplane.verdicts.list();
    if (verdicts.length >= count) return verdicts;
    await systemClock.sleep(20);
  }
}

async function readiness(httpPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).text();
}

test("a pipeline is judged on its newest rows, generation by generation, and never on rows that it was trained on", async () => {
  await writeDays(60);
  const first = await evaluator("first");
  const [m1, m2] = [await world.trainer("m1"), await world.trainer("m2")];
  expect(await train(m1)).toBe("2026-02-07T00:00:00.000Z");
  await verdictsWhen(1);
  expect(await train(m2)).toBe("2026-02-07T00:00:00.000Z");
  await verdictsWhen(2);

  // The evaluator still holds out what it has loaded: trainers with newer rows leave that out.
  await writeDays(80);
  expect(await train(m1)).toBe("2026-02-07T00:00:00.000Z");
  await verdictsWhen(3);
  await first.stop();

  const second = await evaluator("second");
  const before = `127.0.0.1:${second.grpcPort}`;
  while ((await world.backplane.generations.current())?.generation !== 2) await systemClock.sleep(20);
  expect(await train(m1)).toBe("2026-02-27T00:00:00.000Z");
  const verdicts = await verdictsWhen(4);
  expect(verdicts.map(({ heldOut }) => [heldOut?.generation, heldOut?.question, heldOut?.horizon])).toEqual([
    [1, 1, 2],
    [1, 2, 2],
    [1, 3, 2],
    [2, 1, 2],
  ]);
  const [one, two] = await world.backplane.generations.history();
  expect(one).toMatchObject({ rows: 200, heldOutAfter: "2026-02-09T00:00:00.000Z", current: {}, loss: null });
  // Measured before m1@3 was trained: what was in use, on the new rows.
  expect(two).toMatchObject({ rows: 200, heldOutAfter: "2026-03-01T00:00:00.000Z", current: { m1: 2, m2: 1 } });
  expect(two?.loss).toBeCloseTo(verdicts[3]?.comparison?.currentLoss as number, 10);

  const shown = await cli(["verdicts", "--evaluator", before]);
  expect(shown.stdout).toContain("; verdict 3 on rows declared good for 2");
  expect(shown.stdout).toMatch(
    /^-- held-out generation 2: other rows, so losses cannot be compared across this line \(above is generation 1\) --\nm1@3 {2}/m,
  );
  expect(shown.stderr).toContain("held-out generation 2: 1 verdict on the same rows, declared good for 2\n");
  expect((await cli(["matrix", "--evaluator", before])).stderr).toMatch(
    /^held-out generation 2, since 2.*: cells cannot be compared with those of earlier generations$/m,
  );

  // Shops are keys: their slices leave the evaluator as hashes.
  const values = verdicts.flatMap(({ comparison }) => (comparison?.slices ?? []).map(({ value }) => value));
  expect(new Set(values).size).toBe(3);
  for (const value of values) expect(value).toMatch(/^#[0-9a-f]{16}$/);
  expect(JSON.stringify(verdicts)).not.toContain("shop-");

  // An evaluator on a machine with the earlier file is not ready, and starts no generation.
  await writeDays(60);
  const stale = await evaluator("stale");
  while (!(await readiness(stale.httpPort)).includes("generation 1")) await systemClock.sleep(20);
  expect(await readiness(stale.httpPort)).toContain("the held-out rows are those of generation 1");
  expect(await world.backplane.generations.history()).toHaveLength(2);
  await Promise.all([second.stop(), stale.stop()]);
});

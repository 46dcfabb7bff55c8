import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { manifestFacts } from "../../services/cli/text/manifest-text.ts";
import { generation } from "../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

test("a run trains on its team's sample, and says so in its manifest and its warnings", async () => {
  const world = await openTrainerWorld(nats.url, "sampled", {
    data: "{ source: file, path: ads.csv, key: ad, test_fraction: 0.2, max_bad_fraction: 0.01 }",
    components: "\n  click: { columns: [price, country], output: { name: c }, target: clicks }\n",
  });
  try {
    // Of each user a hundred rows, of which 4 in 2000 are bad: more than 1 % of a sample.
    const rows = Array.from({ length: 2000 }, (_, at) => {
      const price = at % 500 === 3 ? "?" : (at * 37) % 100;
      return `ad-${at},${price},${["DE", "US"][at % 2]},${at % 10}`;
    });
    await writeFile(join(world.dir, "ads.csv"), `ad,price,country,clicks\n${rows.join("\n")}\n`);
    await world.backplane.generations.start(generation(1, { pipeline: "sampled" }));
    const team = (sample: string) =>
      `{ model: linear, batch: 64, steps: 20, engine: wasm${sample === "" ? "" : `, sample: ${sample}`} }`;
    const train = async (name: string, sample: string) => {
      const trainer = await world.trainer("click", { team: team(sample), stateDir: join(world.dir, name) });
      const run = await endOf(trainer.client, (await trainer.client.startRun({})).id);
      await trainer.stop();
      expect(run).toMatchObject({ state: "succeeded" });
      return { run, manifest: await world.backplane.registry.manifest("click", run.snapshot as number) };
    };
    const all = (await train("all", "")).manifest.provenance.data;
    expect(all).not.toHaveProperty("sample");

    const some = await train("some", "{ rows: 100, by: { stratified: country } }");
    expect(some.run.warnings).toEqual([]);
    expect(some.manifest.provenance.data).toMatchObject({
      rows: 100,
      sample: {
        spec: { rows: 100, stratified: "country" },
        before: all?.rows,
        removed: { rows: (all?.rows ?? 0) - 100 },
      },
    });
    expect(new Map(manifestFacts(some.manifest)).get("sample")).toBe(
      `100 of ${all?.rows} rows; removed: ${(all?.rows ?? 0) - 100} beyond 100 by share of country`,
    );

    const few = await train("few", "{ at_most: { column: country, rows: 4 } }");
    expect(few.manifest.provenance.data).toMatchObject({
      rows: 8,
      sample: { removed: { atMost: (all?.rows ?? 0) - 8 } },
    });
    expect(few.run.warnings).toEqual([
      `sample: nearly all rows were removed: 8 of ${all?.rows} rows; removed: ${(all?.rows ?? 0) - 8} beyond 4 per country`,
    ]);
    expect(few.manifest.provenance.data?.fingerprint).not.toBe(some.manifest.provenance.data?.fingerprint);
  } finally {
    await world.close();
  }
});

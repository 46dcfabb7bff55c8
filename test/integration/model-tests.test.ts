import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestedSnapshot } from "../../services/cli/text/tested-text.ts";
import type { Provenance } from "../../services/pipeline/manifest.ts";
import type { Decision } from "../../services/pipeline/release.ts";
import { cli } from "../helpers/cli.ts";
import { oracleOf, scaled, spoilt } from "../helpers/dense-snapshots.ts";
import { generation } from "../helpers/drafts.ts";
import { openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { endOf, openTrainerWorld } from "../helpers/trainer-world.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

test("a trainer fails the run before it publishes, or warns and records what it found", async () => {
  const world = await openTrainerWorld(nats.url, "tested-training", {
    // Nothing here may read the held-out rows: they are not there.
    data: "{ source: file, path: ads.csv, key: ad, held_out: { path: held-out.csv } }",
    components: "\n  click: { columns: [price, country], output: { name: c }, target: clicks }\n",
  });
  try {
    // Clicks rise with the price in these data.
    const row = (at: number) => {
      const price = (at * 37) % 100;
      return `ad-${at},${price},${["DE", "US"][at % 2]},${price / 50 + ((at * 7) % 11) / 100}`;
    };
    const rows = Array.from({ length: 2000 }, (_, at) => row(at));
    await writeFile(join(world.dir, "ads.csv"), `ad,price,country,clicks\n${rows.join("\n")}\n`);
    await world.backplane.generations.start(generation(1, { pipeline: "tested-training" }));
    const team = (consequence: string) =>
      `{ model: linear, optimizer: { name: adam, learning_rate: 0.05 }, batch: 64, steps: 200, engine: wasm, tests: [
        { name: price lowers demand, monotone: price, direction: decreasing, rows: 300, on_failure: ${consequence} },
        { bounded: { low: -10, high: 10 }, on_failure: refuse },
        { slice: { country: DE }, loss_at_most: 1, on_failure: refuse } ] }`;

    const { client } = await world.trainer("click", { team: team("refuse") });
    const refused = await endOf(client, (await client.startRun({})).id);
    expect(refused).toMatchObject({ state: "failed", error: { code: "failed-precondition" }, snapshot: null });
    // Keys are hashed: the trainer may not show them, and neither what is in the rows.
    expect(refused.error?.message).toMatch(
      /^the model of click fails 1 of 3 tests on training rows and is not published: "price lowers demand": 300 of 300 rows violate it, the worst by [\d.]+ \(ad #[0-9a-f]{16}, ad #[0-9a-f]{16}, ad #[0-9a-f]{16}\)$/,
    );
    expect(await world.backplane.registry.list()).toEqual([]);
    // Its report shows what was wrong with the model, without keys.
    const { curve, fit } = await client.runReport(refused.id);
    expect(curve?.points).toHaveLength(200);
    expect(fit?.rows).toBeGreaterThan(1500);
    expect(fit?.outputs).toMatchObject([{ name: "c", residuals: { mean: expect.closeTo(0, 1) } }]);
    expect(new Set(fit?.slices.map(({ column }) => column))).toEqual(new Set(["price", "country"]));
    for (const { row } of fit?.worst ?? []) expect(row).toMatch(/^ad #[0-9a-f]{16}$/);
    expect(JSON.stringify(fit)).not.toContain("ad-");

    const teamFile = `{ component: click, ${team("warn").slice(1)}`;
    const warned = await endOf(client, (await client.startRun({ teamFile })).id);
    expect(warned).toMatchObject({ state: "succeeded", snapshot: 1 });
    expect(warned.warnings).toEqual([
      expect.stringMatching(/^failed test on training rows: "price lowers demand": 300 of 300 rows violate it/),
    ]);
    const { provenance } = await world.backplane.registry.manifest("click", 1);
    expect(provenance.tests).toEqual([
      expect.objectContaining({ name: "price lowers demand", violations: 300, passed: false }),
      expect.objectContaining({ kind: "bounded", rows: 1000, violations: 0, passed: true }),
      expect.objectContaining({ kind: "slice", passed: true }),
    ]);
    expect(provenance.tests?.[0]?.spec).toMatchObject({ kind: "monotone", column: "price", rows: 300 });

    // On demand, without training: the same rows give the same results.
    const place = ["--pipeline-file", world.pipelineFile, "--nats", nats.url, "--pipeline", "tested-training"];
    const again = await cli(["test", "click", ...place, "--json"]);
    expect(again.code).toBe(0);
    const tested = JSON.parse(again.stdout) as TestedSnapshot;
    const recorded = provenance.tests?.map(({ spec: _, ...result }) => ({
      ...result,
      component: "click",
      scope: "component",
    }));
    expect(tested).toEqual({
      snapshot: "click@1",
      composition: { click: 1 },
      against: null,
      heldOut: false,
      passed: true,
      tests: recorded,
    });
    // A team tries its tests before it adopts them.
    const file = await world.team("click", team("refuse"));
    const refusing = await cli(["test", "click@1", "--tests", file, ...place]);
    expect(refusing.code).toBe(20);
    expect(refusing.stdout).toMatch(/price lowers demand +monotone +click +300 +300 +[\d.]+ +failed \(refuse\)\n/);
    expect(refusing.stdout).toMatch(/^worst rows of "price lowers demand": ad #[0-9a-f]{16}, /m);
    expect(refusing.stdout).not.toContain("ad-");
    // A team has no held-out rows, and an evaluator's would be read only where it is said.
    const heldOut = await cli(["test", "click", "--held-out", ...place]);
    expect(heldOut).toMatchObject({ code: 3, stderr: expect.stringContaining("held-out.csv") });
  } finally {
    await world.close();
  }
});

test("a trainer does not start with a test that its data cannot answer", async () => {
  const world = await openTrainerWorld(nats.url, "untestable");
  try {
    const starting = world.trainer("m1", {
      team: "{ model: linear, tests: [{ monotone: x1, direction: increasing, output: 0 }] }",
    });
    await expect(starting).rejects.toThrow('tests[0].monotone: "x1" must have one number per row');
  } finally {
    await world.close();
  }
});

test("an evaluator quarantines a foreign snapshot that fails a test of the pipeline, and one that fails its team's", async () => {
  const tests =
    "tests: [{ bounded: { low: -40, high: 40 }, component: m1, on_failure: refuse }, { name: y is small, bounded: { low: -50, high: 50 } }]\n";
  const world = await openEvaluatorWorld(nats.url, "tested-judging", 1500, tests);
  try {
    const [m1, m2] = [oracleOf("m1"), oracleOf("m2")];
    await world.evaluator();
    await world.publish("m1", m1);
    await world.publish("m2", m2);
    // As another program exports and uploads it: there is nothing about tests in its manifest.
    await world.publish("m1", scaled(m1, 1000));
    const spec = { name: "z is tiny", kind: "bounded", low: -1e-3, onFailure: "refuse", rows: 100, allowed: 0.01 };
    const own = {
      name: "z is tiny",
      kind: "bounded",
      onFailure: "refuse",
      rows: 100,
      violations: 0,
      worst: 0,
      passed: true,
    };
    const provenance: Provenance = { tests: [{ ...own, spec }] };
    await world.publish("m1", spoilt(m1, 0.05), { provenance });
    const { verdicts, quarantines } = await world.settled(4);
    expect(quarantines.map(({ serial, reason, detail }) => [serial, reason, detail])).toEqual([
      [
        2,
        "failed-test",
        expect.stringMatching(/^failed test on held-out rows: "at least -40, at most 40": \d+ of \d+ rows/),
      ],
      [3, "failed-test", expect.stringMatching(/^failed test on held-out rows: "z is tiny": \d+ of 100 rows/)],
    ]);
    expect(
      verdicts.map(({ component, tests }) => [
        component,
        tests?.map(({ name, passed, skipped }) => [name, passed, skipped]),
      ]),
    ).toEqual([
      [
        "m1",
        [
          ["at least -40, at most 40", true, undefined],
          ["y is small", true, "m2 cannot be composed yet"],
        ],
      ],
      ["m2", [["y is small", true, undefined]]],
    ]);

    const place = ["--pipeline-file", world.pipelineFile, "--nats", nats.url, "--pipeline", "tested-judging", "--json"];
    const testOf = async (...args: readonly string[]) => {
      const { code, stdout } = await cli(["test", ...args, ...place]);
      return { code, ...(JSON.parse(stdout) as TestedSnapshot) };
    };
    // The verdict on m2@1, of the same rows.
    expect(await testOf("m2", "--held-out")).toMatchObject({
      code: 0,
      snapshot: "m2@1",
      composition: { m1: 1, m2: 1 },
      against: null,
      heldOut: true,
      tests: verdicts[1]?.tests,
    });
    // What was quarantined fails on training rows, too; its team cannot run what is tested further downstream.
    expect(await testOf("m1@2")).toMatchObject({
      code: 20,
      against: "m1@1",
      passed: false,
      tests: [
        { name: "at least -40, at most 40", scope: "pipeline", component: "m1", passed: false },
        { name: "y is small", component: "m2", passed: true, skipped: expect.stringContaining("may not see") },
      ],
    });
  } finally {
    await world.close();
  }
});

test("a gate holds an update that fails a test of the pipeline", async () => {
  const keys = `gate: { mode: enforce, bootstrap: newest }
tests: [{ name: y is small, bounded: { low: -50, high: 50 }, on_failure: refuse }]
`;
  const world = await openEvaluatorWorld(nats.url, "tested-gate", 1500, keys);
  try {
    const [m1, m2] = [oracleOf("m1"), oracleOf("m2")];
    await world.evaluator();
    await world.publish("m1", m1);
    await world.publish("m2", spoilt(m2, 0.05));
    await world.publish("m2", scaled(m2, 1000));
    const leaving = new AbortController();
    let found: Decision | undefined;
    for await (const { value } of world.backplane.ledger.watch(0, leaving.signal)) {
      if (value.entry === "decision") found = value;
      if (found !== undefined) leaving.abort();
    }
    expect(found).toMatchObject({ moves: { m2: 2 }, decision: "held", reasons: ["failed-test"] });
    expect(found?.detail).toContain('"y is small": ');
    expect(await world.backplane.quarantines.list()).toEqual([]);
  } finally {
    await world.close();
  }
});

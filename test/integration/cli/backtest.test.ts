import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BacktestResult } from "../../../services/cli/text/backtest-text.ts";
import { cli } from "../../helpers/cli.ts";
import { oracleOf, spoilt } from "../../helpers/dense-snapshots.ts";
import { type EvaluatorWorld, openEvaluatorWorld } from "../../helpers/evaluator-world.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";

let server: TestNats;
let world: EvaluatorWorld;
let dir: string;
const run = (...args: readonly string[]) =>
  cli(["backtest", ...args, "--pipeline-file", world.pipelineFile, "--nats", server.url, "--pipeline", "past"], {
    cwd: dir,
  });

/** A first m1, a better one, and one that is far worse; without a gate, each was in use once it was judged. */
beforeAll(async () => {
  server = await startTestNats();
  dir = await mkdtemp(join(tmpdir(), "uncouple-backtest-"));
  world = await openEvaluatorWorld(
    server.url,
    "past",
    12_000,
    "tests: [{ name: y is small, bounded: { low: -3, high: 3 }, rows: 200 }]\n",
  );
  await writeFile(join(dir, "gate.yaml"), "gate: { mode: enforce, margin: 5 %, horizon: 20 }\n");
  const evaluator = await world.evaluator();
  const [m1, m2] = [oracleOf("m1"), oracleOf("m2")];
  let count = 0;
  for (const [component, network] of [
    ["m1", spoilt(m1, 0.3)],
    ["m2", m2],
    ["m1", spoilt(m1, 0.05)],
    ["m1", spoilt(m1, 1)],
  ] as const) {
    await world.publish(component, network);
    await world.settled(++count);
    await released(component, component === "m2" ? 1 : count === 1 ? 1 : count - 1);
  }
  await evaluator.stop();
});
afterAll(async () => {
  await world.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Waits until a snapshot is in use. */
async function released(component: string, serial: number): Promise<void> {
  for await (const { value } of world.backplane.ledger.watch(0, new AbortController().signal)) {
    if (value.entry === "release" && value.composition[component] === serial) return;
  }
}

test("a stricter gate would have spared the pipeline its worst update, and nothing in the store changes", async () => {
  const before = await world.backplane.ledger.end();
  const { code, stdout } = await run("--gate", "gate.yaml", "--json", "--out", "report");
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as BacktestResult;
  expect(result.outcomes).toMatchObject([
    { moves: { m1: 2 }, decision: "promoted", really: expect.any(Number) },
    { moves: { m1: 3 }, decision: "refused", reasons: ["worse"], really: expect.any(Number) },
  ]);
  expect(result.outcomes.map(({ tests }) => tests)).toMatchObject([
    [{ name: "y is small", scope: "pipeline", component: "m2", rows: 200, passed: false }],
    [{ passed: false, examples: [expect.stringMatching(/^held-out row \d+$/), expect.anything(), expect.anything()] }],
  ]);
  const [, , third, last] = result.steps;
  expect(last?.actual).toBeGreaterThan(2 * (last?.replayed as number));
  expect(third?.replayed).toBeCloseTo(third?.actual as number, 6);
  expect(result).toMatchObject({ questions: { asked: 1 }, falseRefusals: [], falsePromotions: [] });
  expect(result.rows.unseen).toBe(0);
  expect(result.rows.screen + result.rows.confirm + result.rows.reserve).toBe(result.rows.all);
  expect(await world.backplane.ledger.end()).toBe(before);
  const page = await readFile(join(dir, "report", "report.html"), "utf8");
  expect(page).toContain("Backtest of a gate in pipeline past");
  expect(page).toContain("<svg");
  expect(page).toMatch(/<td>m1@3<\/td>\s*<td>y is small<\/td>\s*<td>m2<\/td>.*failed \(warn\)/s);
  expect(JSON.parse(await readFile(join(dir, "report", "results.json"), "utf8"))).toEqual(result);
});

test("text tells what was decided, what really happened, and what to keep in mind", async () => {
  const { code, stdout } = await run("--gate", "gate.yaml", "--since", "2");
  expect(code).toBe(0);
  expect(stdout).toMatch(/m1@3 +refused .* release \d+ +the measure is worse, beyond the margin/);
  expect(stdout).toContain("1 of 20");
  expect(stdout).toMatch(
    /^m1@3\n {4}tests: 0 of 1 passed\n {4}test failed \(warn, composed output of m2\): "y is small": /m,
  );
  expect(stdout).toContain("Teams trained on what was really in use.");
});

test("rows that a gate in force keeps to itself are not read", async () => {
  const file = join(dir, "gated.yaml");
  await writeFile(file, `${await readFile(world.pipelineFile, "utf8")}gate: { split: [0.5, 0.3, 0.2] }\n`);
  const at = ["--nats", server.url, "--pipeline", "past", "--pipeline-file", file];
  const { stdout } = await cli(["backtest", "--gate", "gate.yaml", "--json", ...at], { cwd: dir });
  const { rows } = JSON.parse(stdout) as BacktestResult;
  expect(rows.all / (rows.all + rows.unseen)).toBeCloseTo(0.5, 1);
  expect(rows.screen / rows.all).toBeCloseTo(0.5, 1);
});

test("models that retention has deleted are named", async () => {
  const file = join(dir, "forgetful.yaml");
  await writeFile(file, `${await readFile(world.pipelineFile, "utf8")}retention: { keep: 1, champions: 0 }\n`);
  const gc = await cli(["gc", "--pipeline-file", file, "--nats", server.url, "--pipeline", "past"], { cwd: dir });
  expect(gc.code).toBe(0);
  const { stdout } = await run("--gate", "gate.yaml");
  expect(stdout).toMatch(/Not replayed, because retention has deleted their models: m1@1, m1@2\./);
  const at = ["--nats", server.url, "--pipeline", "past", "--pipeline-file", world.pipelineFile];
  expect(await cli(["test", "m1@1", "--held-out", ...at], { cwd: dir })).toMatchObject({
    code: 11,
    stderr: expect.stringMatching(/^uncouple: m1@1 was deleted on .* by policy \(keep 1\)\n$/),
  });
});

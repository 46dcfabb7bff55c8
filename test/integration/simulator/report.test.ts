import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli } from "../../helpers/cli.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-simulate-"));
});
afterAll(() => rm(dir, { recursive: true }));

const SCENARIO = `
scenario: tiny
teams: 2
truth: { width: 4, root_width: 4, columns: 2, root_columns: 3, outputs: 2, noise: 0.1 }
cadence: { every: 2 }
training: { hidden: [4], steps: 20, rows: 200, held_out: 100 }
policies: [async, causal]
ticks: 4
`;

test("simulate writes a report whose scenario repeats it exactly, and what changed assumptions do", async () => {
  await writeFile(join(dir, "tiny.yaml"), SCENARIO);
  const first = await cli(["simulate", "tiny.yaml", "--sensitivity", "--jobs", "1", "--out", "first"], { cwd: dir });
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/No change flips the ranking|changes? flips? the order/);
  expect((await readdir(join(dir, "first"))).toSorted()).toEqual(
    ["events.csv", "league.csv", "losses.csv", "report.html", "results.json", "runs.json", "scenario.yaml"].toSorted(),
  );
  const { sensitivity, seconds: _, ...results } = JSON.parse(await readFile(join(dir, "first/results.json"), "utf8"));
  expect(sensitivity.map((row: { assumption: string }) => row.assumption)).toEqual([
    "truth width",
    "truth width",
    "noise",
    "noise",
    "cadence",
    "cadence",
  ]);
  const again = await cli(["simulate", "first/scenario.yaml", "--jobs", "1", "--json"], { cwd: dir });
  const { seconds: __, ...repeated } = JSON.parse(again.stdout);
  expect(repeated).toEqual(results);
});

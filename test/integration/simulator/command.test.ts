import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import { cli } from "../../helpers/cli.ts";

const SCENARIO = `scenario: tiny
teams: { query: {}, rank: { every: 1 } }
edges: { rank: [query] }
truth: { width: 4, columns: 2, root_columns: 3, outputs: 2 }
training: { hidden: [8], steps: 60, rows: 300, held_out: 200 }
policies: [async, causal]
ticks: 3
`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "uncouple-simulate-"));
  await writeFile(join(cwd, "tiny.yaml"), SCENARIO);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

test("prints a table, and writes results and runs that agree", async () => {
  const { code, stdout, stderr } = await cli(["simulate", "tiny.yaml", "--seeds", "2", "--jobs", "1"], { cwd });
  expect(code).toBe(0);
  expect(stdout).toContain("2 teams, 3 ticks, 2 seeds");
  expect(stdout).toMatch(/^causal .*\n/m);
  expect(stderr).toContain("ticks done");
  const read = async (name: string) => JSON.parse(await readFile(join(cwd, "out/simulate", name), "utf8"));
  const results = await read("results.json");
  expect(results).toEqual(simulationResults(results.scenario, await read("runs.json"), results.seconds));
});

test("prints JSON alone, the same but for the seconds, and writes nothing", async () => {
  const run = async () => JSON.parse((await cli(["simulate", "tiny.yaml", "--json", "--jobs", "1"], { cwd })).stdout);
  const before = await readdir(cwd);
  const first = await run();
  expect({ ...(await run()), seconds: 0 }).toEqual({ ...first, seconds: 0 });
  expect(Object.keys(first)).toEqual(["scenario", "seeds", "ticks", "policies", "comparisons", "events", "seconds"]);
  expect(await readdir(cwd)).toEqual(before);
});

test("flags take the place of the file's keys", async () => {
  const args = ["simulate", "tiny.yaml", "--policy", "mixed:0.5", "--ticks", "1", "--json", "--jobs", "1"];
  const results = JSON.parse((await cli(args, { cwd })).stdout);
  expect(results).toMatchObject({ ticks: 1, policies: [{ name: "mixed:0.5" }] });
});

test("Ctrl-C ends it cleanly", async () => {
  const controller = new AbortController();
  const { code, stdout, stderr } = await cli(["simulate", "tiny.yaml", "--ticks", "1000", "--jobs", "1"], {
    cwd,
    interrupt: controller.signal,
    onStderr: (text) => {
      if (text.includes("ticks done")) controller.abort();
    },
  });
  expect(code).toBe(130);
  expect(stdout).toBe("");
  expect(stderr).toContain("interrupted");
});

test("validate checks scenario files beside others, and says what they are", async () => {
  expect(await cli(["validate", "tiny.yaml"], { cwd })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("tiny.yaml: scenario tiny, 2 teams, 3 ticks, async, causal"),
  });
  await writeFile(join(cwd, "bad.yaml"), SCENARIO.replace("steps: 60", "steps: none").replace("causal", "casual"));
  const { code, stdout } = await cli(["validate", "bad.yaml"], { cwd });
  expect(code).toBe(2);
  expect(stdout).toMatch(/bad.yaml:5: training.steps: must be a number/);
  expect(stdout).toMatch(/bad.yaml:6: policies\[1\]: unknown policy "casual"/);
});

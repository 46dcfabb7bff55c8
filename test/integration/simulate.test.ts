import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../helpers/cli.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

/** Two policies on four seeds. */
const SCENARIO = `scenario: small
teams: 4
edges: diamond
training: { hidden: [8], steps: 20, rows: 300, held_out: 200 }
cadence: { every: 2 }
events: { scripted: [{ tick: 3, team: m2, kind: split, into: [left, right] }] }
policies: [async, blend:0.5]
seeds: 4
ticks: 6
`;
const PARTS = 8;
const TICKS = 6;

let dir: string;
let whole: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-simulate-"));
  await writeFile(join(dir, "small.yaml"), SCENARIO);
  expect(await simulate("small.yaml", "--out", "whole", "--jobs", "1")).toMatchObject({ code: 0 });
  whole = await resultsIn("whole");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const simulate = (...args: string[]) => cli(["simulate", ...args], { cwd: dir });
const shard = (text: string, out: string, ...more: string[]) =>
  simulate("small.yaml", "--shard", text, "--out", out, "--jobs", "1", ...more);

/** Results, without how long they took. */
async function resultsIn(folder: string): Promise<string> {
  const text = await readFile(join(dir, folder, "results.json"), "utf8");
  expect(text).toMatch(/"seconds": [\d.e-]+,?\n/);
  return text.replace(/"seconds": .*/, "");
}

const partsIn = async (folder: string) =>
  (await readdir(join(dir, folder, "parts")).catch(() => [])).filter((name) => /^\d+-[\w.-]+\.json$/.test(name));

/** Runs what was interrupted to its end. */
async function resume(folder: string): Promise<void> {
  const kept = (await partsIn(folder)).length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(PARTS);
  const { code, stderr } = await simulate("small.yaml", "--out", folder, "--jobs", "1");
  expect(code).toBe(0);
  // What is kept counts at once.
  expect(stderr.split("\n")[0]).toBe(`${kept * TICKS} of ${PARTS * TICKS} ticks done`);
  expect(await resultsIn(folder)).toBe(whole);
}

test("a simulation that is done leaves its results and no parts", async () => {
  const files = await readdir(join(dir, "whole"));
  expect(files).toEqual(expect.arrayContaining(["report.html", "results.json", "runs.json"]));
  expect(files).not.toContain("parts");
});

describe("an interrupted simulation", () => {
  test("resumes after Ctrl-C with the results of an uninterrupted one, and takes no parts of another", async () => {
    const interrupt = new AbortController();
    const args = ["simulate", "small.yaml", "--out", "interrupted", "--jobs", "1"];
    const onStderr = (text: string) => {
      if (/^(1[89]|2\d) of 48/.test(text)) interrupt.abort();
    };
    const { code, stderr } = await cli(args, { cwd: dir, interrupt: interrupt.signal, onStderr });
    expect(code).toBe(130);
    expect(stderr).toContain("Finished parts are kept; the same command resumes.");

    const other = await simulate("small.yaml", "--seeds", "3", "--out", "interrupted", "--jobs", "1");
    expect(other).toMatchObject({ code: 5, stdout: "" });
    expect(other.stderr).toMatch(
      /parts has unfinished parts of another scenario; remove it to start again, or .*--out\n$/,
    );
    await resume("interrupted");
  });

  test("resumes after it was killed", async () => {
    const { child, ended } = spawnCli(["simulate", "small.yaml", "--out", "killed", "--jobs", "1"], {
      cwd: dir,
    });
    while ((await partsIn("killed")).length === 0 && child.exitCode === null) await sleep(2);
    child.kill("SIGKILL");
    await ended;
    await resume("killed");
  });
});

test("a simulation with changed assumptions resumes among them, with the results of an uninterrupted one", async () => {
  // Two parts of 6 ticks for the scenario, and for each of five changes.
  const args = ["simulate", "small.yaml", "--seeds", "1", "--sensitivity", "--jobs", "1", "--out"];
  expect((await cli([...args, "whole-grid"], { cwd: dir })).code).toBe(0);
  const interrupt = new AbortController();
  const onStderr = (text: string) => {
    if (Number(/^(\d+) of 72/.exec(text)?.[1] ?? 0) > 42) interrupt.abort();
  };
  const stopped = await cli([...args, "grid"], { cwd: dir, interrupt: interrupt.signal, onStderr });
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("Finished parts are kept; the same command resumes.");

  const { code, stderr } = await cli([...args, "grid"], { cwd: dir });
  expect(code).toBe(0);
  // What is kept counts at once: the scenario, two changes, and one part of the third.
  expect(stderr.match(/^\d+ of 72/gm)?.slice(0, 4)).toEqual(["12 of 72", "24 of 72", "36 of 72", "42 of 72"]);
  expect(await resultsIn("grid")).toBe(await resultsIn("whole-grid"));
  expect(await readdir(join(dir, "grid"))).not.toContain("parts");
});

describe("shards", () => {
  test("merge into the results of one process, byte for byte, also if some share a folder", async () => {
    const folders = ["shared", "shard-1", "shared"];
    for (const index of [2, 1, 0]) {
      const { code, stdout } = await shard(`${index}/3`, folders[index] as string);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^[23] of 8 parts: /);
    }
    const missing = await simulate("merge", "shared", "--out", "merged");
    expect(missing.code).toBe(5);
    expect(missing.stderr).toContain("3 of 8 parts are missing; run --shard 1/3 again");
    expect(await simulate("merge", "shared", "shard-1", "--out", "merged")).toMatchObject({ code: 0 });
    expect(await resultsIn("merged")).toBe(whole);
    expect(await readFile(join(dir, "merged", "runs.json"), "utf8")).toBe(
      await readFile(join(dir, "whole", "runs.json"), "utf8"),
    );

    expect((await shard("0/8", "other", "--ticks", "5")).code).toBe(0);
    const different = await simulate("merge", "shard-1", "other");
    expect(different.code).toBe(5);
    expect(different.stderr).toMatch(
      /other\/parts has parts of another scenario or version than .*shard-1\/parts; merge shards of one simulation/,
    );
  });

  test("of another number are refused", async () => {
    const { code, stderr } = await shard("0/2", "shared");
    expect(code).toBe(5);
    expect(stderr).toMatch(/shared\/parts has unfinished parts of a simulation in 3 shards, not 2; remove it/);
  });

  test.each(["3/3", "-1/2", "1", "a/b", "0/0"])("%s is no shard", async (text) => {
    const { code, stderr } = await simulate("small.yaml", "--shard", text);
    expect(code).toBe(2);
    expect(stderr).toContain("Expected I/N with I from 0 to N - 1");
  });
});

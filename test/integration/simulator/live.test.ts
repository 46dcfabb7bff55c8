import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LiveResults } from "../../../services/simulator/live/live-results.ts";
import { descendants, gone, spawnCli } from "../../helpers/spawn-cli.ts";

const SCENARIO = `scenario: tiny
teams: 4
edges: diamond
truth: { width: 4, columns: 2, root_columns: 3, outputs: 2 }
cadence: { every: 1 }
training: { hidden: [4], steps: 60, rows: 300, held_out: 200 }
events: { scripted: [{ tick: 1, team: m1, kind: upgrade }] }
policies: [async, proximal]
ticks: 4
`;
const LIVE = ["simulate", "tiny.yaml", "--live"];

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "uncouple-live-"));
  await writeFile(join(cwd, "tiny.yaml"), SCENARIO);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const readResults = async (out: string): Promise<LiveResults> =>
  JSON.parse(await readFile(join(cwd, out, "live.json"), "utf8"));

test("drives real services; nothing is lost, and every process ends", async () => {
  const command = spawnCli([...LIVE, "--processes", "2", "--tick", "1s", "--out", "out", "--json"], {
    cwd,
  });
  let pids: number[] = [];
  let isOver = false;
  const ended = command.ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const now = await descendants(command.child.pid ?? 0);
    if (now.length > pids.length) pids = now;
    await sleep(200);
  }
  const code = await ended;
  expect(code, command.stderr()).toBe(0);
  const results = JSON.parse(command.stdout()) as LiveResults;
  expect(await readResults("out")).toEqual(results);
  expect(results).toMatchObject({ policy: "async", sound: true, drained: true, interrupted: false, findings: [] });
  const { runs, wishes, snapshots, verdicts, publishToVerdict, startToPublished } = results;
  expect(wishes.due).toBeGreaterThan(5);
  // Those of the last moments may have come too late.
  expect(wishes.served).toBeGreaterThan(wishes.due - 5);
  expect(runs).toMatchObject({ failed: 0, cancelled: 0, unfinished: 0, refused: 0 });
  // The first models, and what the teams wished.
  expect(snapshots).toBe(runs.succeeded);
  expect(snapshots).toBeGreaterThan(5);
  expect(verdicts).toBe(snapshots);
  expect([publishToVerdict.count, startToPublished.count]).toEqual([snapshots, snapshots]);
  expect(publishToVerdict.max).toBeGreaterThan(0);
  const processes = results.memory.map(({ process }) => process);
  expect(processes).toEqual(
    expect.arrayContaining([
      "uncouple simulate",
      "nats-server",
      "evaluator",
      "trainer m1 and 1 more",
      "trainer m2 and 1 more",
    ]),
  );
  expect(Math.min(...results.memory.map(({ peak }) => peak))).toBeGreaterThan(5);
  expect(await readFile(join(cwd, "out/live.html"), "utf8")).toContain("Nothing was lost, doubled or stray.");
  expect(pids.length).toBeGreaterThanOrEqual(4);
  await gone(pids);
});

test("Ctrl-C ends the drive early: what was asked for is finished and reported, and every process ends", async () => {
  const command = spawnCli([...LIVE, "--processes", "1", "--for", "1h", "--out", "interrupted"], { cwd });
  const seen = async (pattern: RegExp) => {
    for (let waited = 0; waited < 60_000 && !pattern.test(command.stderr()); waited += 50) {
      await sleep(50);
    }
    expect(command.stderr()).toMatch(pattern);
  };
  await seen(/ready after/);
  // The first models have been asked for.
  await sleep(1000);
  const pids = await descendants(command.child.pid ?? 0);
  command.child.kill("SIGINT");
  expect(await command.ended, command.stderr()).toBe(130);
  expect(command.stdout()).toContain("ended early: ");
  const results = await readResults("interrupted");
  expect(results).toMatchObject({ interrupted: true, sound: true, findings: [] });
  expect(results.runs.unfinished).toBe(0);
  expect(results.verdicts).toBe(results.snapshots);
  await gone(pids);
});

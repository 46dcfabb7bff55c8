import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Stack } from "../../services/cli/connect/stack-file.ts";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { PipelineMatrix, Verdict } from "../../services/pipeline/verdict.ts";
import { type CliResult, cli } from "../helpers/cli.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { type CliProcess, descendants, gone, processList, spawnCli } from "../helpers/spawn-cli.ts";

const PIPELINE = `pipeline: tiny
data: { source: synthetic, generator: two-stage, seed: 3, rows: 2000, test_fraction: 0.5 }
audit: { held_out: 500 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;

let dir: string;
let up: CliProcess;

/** Runs a subcommand in this process, against the stack in the folder. */
const uncouple = (...args: string[]): Promise<CliResult> => cli(args, { cwd: dir });
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await uncouple(...args, "--json");
  expect(`${code} ${stderr}`).toBe("0 ");
  return JSON.parse(stdout) as T;
}

const startUp = async (): Promise<CliProcess> => {
  const started = spawnCli(["up", "pipeline.yaml", "m1.yaml", "m2.yaml", "--json"], {
    cwd: dir,
    env: { NATS_URL: "" },
  });
  await started.seen(/\n}\n$/);
  return started;
};

beforeAll(async () => {
  await natsServerBinary();
  dir = await mkdtemp(join(tmpdir(), "uncouple-up-"));
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
  await writeFile(join(dir, "m1.yaml"), "component: m1\nmodel: linear\nsteps: 300\n");
  await writeFile(join(dir, "m2.yaml"), "component: m2\nmodel: { hidden: [16] }\nsteps: 300\n");
  await writeFile(join(dir, "better.yaml"), "component: m1\nmodel: { hidden: [32] }\nsteps: 600\n");
  await writeFile(join(dir, "long.yaml"), "component: m2\nmodel: { hidden: [64, 64] }\nsteps: 10000000\n");
  up = await startUp();
});
afterAll(async () => {
  up.child.kill("SIGKILL");
  await rm(dir, { recursive: true, force: true });
});

describe("a stack", () => {
  it("prints its addresses as JSON, and keeps them in the stack file", async () => {
    const stack = JSON.parse(up.stdout()) as Stack;
    expect(stack).toEqual(JSON.parse(await readFile(join(dir, ".uncouple/stack.json"), "utf8")));
    expect(Object.keys(stack.trainers)).toEqual(["m1", "m2"]);
    const metrics = await fetch(stack.metrics["trainer m1"] ?? "");
    expect(await metrics.text()).toContain("uncouple_");
  });

  it("rejects a second stack in the same folder, without affecting the first", async () => {
    const { code, stderr } = await uncouple("up", "pipeline.yaml", "m1.yaml");
    expect(code).toBe(4);
    expect(stderr).toContain("a stack of pipeline tiny is running from");
    expect((await json<Run[]>("runs")).length).toBe(0);
  });

  it("reports empty lists before anything is trained", async () => {
    expect((await uncouple("snapshots")).stdout).toBe("no snapshots yet\n");
    expect((await uncouple("runs")).stdout).toBe("no runs yet\n");
    expect(await uncouple("verdicts")).toMatchObject({ code: 0, stdout: "", stderr: "no verdicts yet\n" });
    expect((await uncouple("snapshots", "m2")).stdout).toBe("no snapshots of m2 yet\n");
    expect((await uncouple("show", "m1@1")).code).toBe(3);
  });

  it("streams a followed run as JSON lines, the last one with its snapshot", async () => {
    const { code, stdout } = await uncouple("train", "m1", "--follow", "--json");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Run);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ component: "m1", state: "succeeded", snapshot: 1, step: 300 });
    const { code: second, stdout: text } = await uncouple("train", "m2", "--follow");
    expect(second).toBe(0);
    expect(text).toMatch(/^m2 async: published m2@1 after 300 steps/);
  });

  it("queues a run with another protocol or team file", async () => {
    const run = await json<Run>("train", "m2", "--protocol", "proximal", "--param", "sigma=0.3");
    expect(run.protocol).toMatchObject({ name: "proximal", parameters: { sigma: 0.3 } });
    const { code } = await uncouple("train", "m1", "--team", "better.yaml", "--follow");
    expect(code).toBe(0);
    const manifests = (await json<{ manifest: SnapshotManifest }[]>("snapshots", "m1")).map(({ manifest }) => manifest);
    expect(manifests.map(({ serial, provenance }) => [serial, provenance.model])).toEqual([
      [1, "linear 10-3"],
      [2, "dense 10-32-3"],
    ]);
  });

  it("rejects invalid requests in one line, with the exit code of the reason", async () => {
    expect(await uncouple("train", "m2", "--protocol", "proximal", "--param", "sigma=-1")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^uncouple: .*sigma.*\n$/),
    });
    expect((await uncouple("train", "m9")).stderr).toBe(
      'uncouple: no trainer found for component "m9"; available: m1, m2; did you mean "m1"?\n',
    );
  });

  it("prints verdicts as they arrive, until Ctrl-C", async () => {
    const following = spawnCli(["verdicts", "--follow", "--json"], { cwd: dir });
    await following.seen(/(.*\n){4}/);
    following.child.kill("SIGINT");
    expect(await following.ended).toBe(130);
    const verdicts = following
      .stdout()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Verdict);
    expect(verdicts.map(({ component, serial }) => `${component}@${serial}`).sort()).toEqual([
      "m1@1",
      "m1@2",
      "m2@1",
      "m2@2",
    ]);
    expect(following.stderr()).toBe("");
    expect((await json<Verdict[]>("verdicts", "m1")).map(({ component }) => component)).toEqual(["m1", "m1"]);
  });

  it("stops writing silently when its reader closes the pipe", async () => {
    const following = spawnCli(["verdicts", "--follow", "--json"], { cwd: dir });
    await following.seen(/\n/);
    following.child.stdout?.destroy();
    await json<Run>("train", "m1");
    expect(await following.ended).toBe(0);
    expect(following.stderr()).toBe("");
  });

  it("measures every pair", async () => {
    const [edge] = await json<PipelineMatrix[]>("matrix");
    expect(edge?.cells.length).toBeGreaterThanOrEqual(4);
    const { stdout } = await uncouple("matrix");
    expect(stdout).toMatch(/^m2 \\ m1 +m1@1 +m1@2/);
    expect(stdout).toContain("* in use");
    const compared = await uncouple("matrix", "--intervals");
    expect(compared.stdout).toMatch(/m1@\d +m2@\d +\w+ +[-+]?[\d.]+ % \[/);
  });

  it("forecasts in verdicts and below the matrix what a right upstream would do", async () => {
    const verdicts = await json<Verdict[]>("verdicts", "m2");
    expect(verdicts[0]?.consistency).toMatchObject({ rows: 500, candidate: [{ upstream: "m1", downstream: "m2" }] });
    const line = /gap m1 -> m2: \S+ % \[.*\]; if m1 became right, the pipeline would/;
    expect((await uncouple("verdicts", "m2")).stdout).toMatch(line);
    expect((await uncouple("show", "m2@1")).stdout).toMatch(line);
    expect((await uncouple("matrix")).stdout).toMatch(/^gap m1 -> m2: /m);
  });

  it("needs ten updates to measure alignment", async () => {
    const { code, stdout } = await uncouple("alignment", "m1");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^m1: \d updates? ha.* a verdict with both losses; at least 10 are needed\.$/m);
  });

  it("sets aliases, logs their changes, and rolls back", async () => {
    await json("alias", "m1", "champion", "1", "--reason", "first");
    await json("alias", "m1", "champion", "2");
    expect((await uncouple("rollback", "m1")).stdout).toBe("champion of m1 now points at m1@1 (previously m1@2)\n");
    expect((await uncouple("rollback", "m1")).code).toBe(5);
    expect((await uncouple("alias", "m1", "champion", "99")).code).toBe(3);
    const { aliases, log } = await json<{ aliases: object; log: { kind: string }[] }>("alias", "m1");
    expect(aliases).toEqual({ champion: 1 });
    expect(log.map(({ kind }) => kind)).toEqual(["set", "set", "rollback"]);
    await json("alias", "m1", "champion", "--remove");
    expect((await json<{ aliases: object }>("alias", "m1")).aliases).toEqual({});
  });

  it("shows all details of a snapshot, and never overwrites an export without --force", async () => {
    const { stdout } = await uncouple("show", "m2@1");
    expect(stdout).toContain("trained on     m1@1");
    expect(stdout).toContain("x2 [5], z [3]");
    // The team file says auto; the manifest says what that was.
    expect(stdout).toMatch(/^engine {9}(wasm|onnx:\w+|tensorflow)$/m);
    expect(stdout).toMatch(/^numerics {7}(wasm|onnx:\S+|tensorflow\S+)$/m);
    expect((await uncouple("export", "m2@1", "m2.onnx")).code).toBe(0);
    const { manifest } = await json<{ manifest: SnapshotManifest }>("show", "m2@1");
    expect((await stat(join(dir, "m2.onnx"))).size).toBe(manifest.size);
    expect(await uncouple("export", "m2@1", "m2.onnx")).toMatchObject({ code: 4, stdout: "" });
    expect((await uncouple("export", "m2@1", "m2.onnx", "--force")).code).toBe(0);
  });

  it("predicts rows with the newest or a given snapshot", async () => {
    const row = { x2: [0, 1, 2, 3, 4], z: [0.5, 0, -0.5] };
    await writeFile(join(dir, "rows.json"), JSON.stringify([row, row, { ...row, x2: [4, 3, 2, 1, 0] }]));
    const { serial, values } = await json<{ serial: number; values: number[][] }>("predict", "m2@1", "rows.json");
    expect(serial).toBe(1);
    expect(values[0]).toEqual(values[1]);
    expect(values[0]).not.toEqual(values[2]);
    expect((await uncouple("predict", "m2", "rows.json")).stdout.trimEnd().split("\n")).toHaveLength(3);
    await writeFile(join(dir, "rows.json"), JSON.stringify([{ x2: row.x2 }]));
    expect(await uncouple("predict", "m2", "rows.json")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"?z"?/),
    });
  });

  it("diagnoses an update: the parts add up to the change, each with an interval", async () => {
    const { code, stdout, stderr } = await uncouple("diagnose", "m1@2", "--team", "m2.yaml", "--json");
    expect(code).toBe(0);
    // Engines that were not chosen belong in a trainer's log.
    expect(stderr).not.toContain("engine");
    const { against, downstream, losses, change, parts, probabilities, retraining } = JSON.parse(stdout);
    expect([against, downstream]).toEqual(["m1@1", "m2"]);
    expect(losses.after - losses.before).toBeCloseTo(change.value, 9);
    const sum = parts.upstream.value + parts.approximation.value + parts.estimation.value;
    expect(sum).toBeCloseTo(change.value, 9);
    for (const { value, interval } of [change, ...(Object.values(parts) as (typeof change)[])]) {
      expect(interval[0]).toBeLessThanOrEqual(value);
      expect(interval[1]).toBeGreaterThanOrEqual(value);
    }
    for (const probability of Object.values(probabilities)) expect(probability).toBeLessThanOrEqual(1);
    // The verdict's own comparison: the same snapshots on the same rows.
    const verdict = (await json<Verdict[]>("verdicts", "m1")).find(({ serial }) => serial === 2);
    expect(retraining.current).toBeCloseTo(verdict?.comparison?.currentLoss ?? Number.NaN, 4);
    expect(retraining.asItIs.value).toBeCloseTo(verdict?.comparison?.difference ?? Number.NaN, 4);
    expect((await uncouple("diagnose", "m1@2", "--seeds", "2")).stderr).toBe(
      "uncouple: a diagnosis requires at least 3 seeds; got 2\n",
    );
    expect((await uncouple("diagnose", "m1@2", "--team", "m1.yaml")).stderr).toBe(
      "uncouple: m1.yaml is the team file of m1, but the downstream is m2\n",
    );
    expect(await uncouple("diagnose", "m1@1")).toMatchObject({ code: 5, stdout: "" });
    expect((await uncouple("diagnose", "m2@1")).code).toBe(5);
  });

  it("detaches on Ctrl-C while following: the run continues, and can be cancelled", async () => {
    const detach = new AbortController();
    const following = cli(["train", "m2", "--team", "long.yaml", "--follow", "--json"], {
      cwd: dir,
      interrupt: detach.signal,
    });
    const long = async () => (await json<Run[]>("runs", "m2")).find(({ steps }) => steps === 10_000_000);
    while ((await long())?.state !== "running") await sleep(50);
    detach.abort();
    const { code, stderr } = await following;
    const run = await long();
    expect(code).toBe(130);
    expect(stderr).toContain(`detached: run ${run?.id} continues`);
    expect(run?.state).toBe("running");
    expect((await uncouple("cancel", run?.id ?? "")).code).toBe(0);
    while ((await long())?.state !== "cancelled") await sleep(50);
    const done = (await json<Run[]>("runs", "m2")).find(({ state }) => state === "succeeded");
    expect((await uncouple("cancel", done?.id ?? "")).code).toBe(5);
    expect((await uncouple("cancel", "nonsense")).code).toBe(3);
    expect(await json<Run>("runs", done?.id ?? "")).toEqual(done);
    expect((await uncouple("runs", run?.id ?? "")).stdout).toMatch(/^state +cancelled$/m);
  });

  it("restarts a killed trainer at the same address, and reports it", async () => {
    const pid = await trainerPid("m1.yaml");
    process.kill(pid, "SIGKILL");
    while (!up.stderr().includes("trainer m1 is running again")) await sleep(50);
    expect(up.stderr()).toContain("trainer m1 was killed by SIGKILL; restarting it");
    expect((await json<Run[]>("runs", "m1")).length).toBeGreaterThan(0);
    expect((await uncouple("train", "m1", "--follow")).code).toBe(0);
  });

  it("stops on Ctrl-C with exit code 130 and leaves no process; the next stack resumes from there", async () => {
    const processes = await descendants(up.child.pid ?? 0);
    expect(processes.length).toBeGreaterThanOrEqual(4);
    const before = await json<unknown[]>("snapshots");
    up.child.kill("SIGINT");
    expect(await up.ended).toBe(130);
    await gone(processes);
    expect((await uncouple("runs")).code).toBe(5);
    up = await startUp();
    expect((await json<unknown[]>("snapshots")).length).toBe(before.length);
    expect((await json<Run[]>("runs")).length).toBeGreaterThan(0);
  });

  it("leaves no process behind when it is killed", async () => {
    const processes = await descendants(up.child.pid ?? 0);
    up.child.kill("SIGKILL");
    await gone(processes);
    expect((await uncouple("runs")).stderr).toContain("is not running");
  });

  it("applies its pipeline file, with breaking changes only on request", async () => {
    const extra = "  extra: { columns: [x1], output: { name: e, width: 3, meaning: real }, target: z, loss: mse }\n";
    const write = (objective: string) =>
      writeFile(join(dir, "changed.yaml"), `${PIPELINE}${extra}objective: ${objective}\n`);
    const options = { cwd: dir, env: { NATS_URL: "" } };
    await write("extra");
    const refused = spawnCli(["up", "changed.yaml", "m1.yaml"], options);
    expect(await refused.ended).toBe(5);
    expect(refused.stderr()).toContain("has breaking changes and was not applied: objective (");
    const intended = spawnCli(["up", "changed.yaml", "m1.yaml", "--breaking", "--json"], options);
    await intended.seen(/\n}\n$/);
    expect(intended.stderr()).toMatch(/pipeline tiny is now at [0-9a-f]{12} \(before: [0-9a-f]{12}; breaking\)/);

    const diff = await json<unknown>("pipeline", "diff");
    expect(diff).toMatchObject({ class: "breaking", changes: [{ path: "components.extra" }, { path: "objective" }] });
    await write("m2");
    const dry = await json<{ previous: string }>("pipeline", "apply", "changed.yaml", "--dry-run");
    expect(dry).toMatchObject({ applied: false, changes: [{ path: "objective", before: "extra", after: "m2" }] });
    const apply = ["pipeline", "apply", "changed.yaml", "--breaking"];
    expect(await json<unknown>(...apply, "--expect", dry.previous)).toMatchObject({ applied: true });
    expect(await json<unknown>(...apply)).toMatchObject({ applied: false, changes: [] });
    const history = await json<{ digest: string; previous: string | null }[]>("pipeline", "history");
    expect(history.map(({ previous }) => previous)).toEqual([null, history[0]?.digest, history[1]?.digest]);
    const [first] = history.map(({ digest }) => digest.slice(0, 8));
    expect(await json<unknown>("pipeline", "diff", first ?? "")).toMatchObject({ class: "additive" });
    expect(await json<unknown>("pipeline", "diff", "pipeline.yaml")).toMatchObject({
      changes: [{ path: "components.extra", class: "breaking" }],
    });
    // The services of the stack have the file before.
    expect(await uncouple("train", "m1")).toMatchObject({ code: 5, stderr: expect.stringContaining("restart with") });
    intended.child.kill("SIGINT");
    expect(await intended.ended).toBe(130);
  });

  it("starts once if two start in a folder at the same time, even if the ID of a dead stack's process is in use", async () => {
    const stack = { ...(JSON.parse(up.stdout()) as Stack), pid: process.pid };
    await mkdir(join(dir, "contended"));
    await writeFile(join(dir, "contended", "stack.json"), JSON.stringify(stack));
    const args = ["up", "pipeline.yaml", "m1.yaml", "--dir", "contended", "--json"];
    const both = [
      spawnCli(args, { cwd: dir, env: { NATS_URL: "" } }),
      spawnCli(args, { cwd: dir, env: { NATS_URL: "" } }),
    ];
    const loser = await Promise.race(both.map(async (one) => ((await one.ended) === 4 ? one : undefined)));
    const winner = both.find((one) => one !== loser);
    expect(loser?.stderr()).toMatch(/^uncouple: .*contended.*; (wait for|stop) it, or use a different --dir\n$/);
    await winner?.seen(/\n}\n$/);
    winner?.child.kill("SIGINT");
    expect(await winner?.ended).toBe(130);
  });

  it("fails with the reason when all of its services keep crashing", async () => {
    await mkdir(join(dir, "failing"));
    for (const file of ["pipeline.yaml", "m1.yaml"]) await copyFile(join(dir, file), join(dir, "failing", file));
    const failing = spawnCli(["up", "pipeline.yaml", "m1.yaml", "--json"], {
      cwd: join(dir, "failing"),
      env: { NATS_URL: "" },
    });
    await failing.seen(/\n}\n$/);
    const below = await descendants(failing.child.pid ?? 0);
    // What was killed cannot start again.
    await rm(join(dir, "failing", "pipeline.yaml"));
    const services = (await processList()).filter(
      ({ pid, args }) => below.includes(pid) && / (trainer|evaluator) /.test(args),
    );
    expect(services).toHaveLength(2);
    for (const { pid } of services) process.kill(pid, "SIGKILL");
    expect(await failing.ended).toBe(7);
    expect(failing.stderr()).toMatch(
      /uncouple: every service keeps crashing; .* crashed \d+ times in a row, most recently: .*pipeline\.yaml/,
    );
    await gone(below);
  });

  it("stops in order when its reader is gone", async () => {
    const unread = spawnCli(["up", "pipeline.yaml", "m1.yaml", "--dir", "unread", "--json"], {
      cwd: dir,
      env: { NATS_URL: "" },
    });
    unread.child.stdout?.destroy();
    expect(await unread.ended).toBe(0);
    expect(unread.stderr()).toBe("stopping\nstopped\n");
    expect(await readdir(join(dir, "unread"))).not.toContain("stack.json");
  });

  it("reports which service failed to start and why, and leaves nothing running", async () => {
    await mkdir(join(dir, "bad"));
    // The trainer needs a folder of this name.
    await writeFile(join(dir, "bad", "state"), "");
    const failing = spawnCli(["up", "pipeline.yaml", "m1.yaml", "--dir", "bad"], { cwd: dir, env: { NATS_URL: "" } });
    expect(await failing.ended).toBe(2);
    expect(failing.stderr()).toMatch(/uncouple: trainer m1 failed to start: .*state/);
  });
});

/** Process ID of the trainer of a team file. */
async function trainerPid(team: string): Promise<number> {
  const below = new Set(await descendants(up.child.pid ?? 0));
  const found = (await processList()).find(
    ({ pid, args }) => below.has(pid) && / trainer .*--team/.test(args) && args.includes(team),
  );
  return found?.pid ?? Number.NaN;
}

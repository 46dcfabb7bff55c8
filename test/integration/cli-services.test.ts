import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify, stripVTControlCharacters } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../services/common/errors.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { PipelineMatrix, Quarantine, Verdict } from "../../services/pipeline/verdict.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import type { EvaluatorStatus } from "../../services/rpc/services/evaluator-service.ts";
import type { Page } from "../../services/rpc/services/pages.ts";
import type { TrainerService, TrainerStatus } from "../../services/rpc/services/trainer-service.ts";
import { cli } from "../helpers/cli.ts";
import { someRun, someVerdict } from "../helpers/fake-services.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { serve } from "../helpers/rpc.ts";

const tls = join(import.meta.dirname, "../helpers/tls");

const status = (component: string): TrainerStatus => ({
  pipeline: "tiny",
  component,
  engine: "reference",
  state: "idle",
  run: null,
  queued: 0,
  queueCapacity: 8,
  newest: null,
  pipelineDigest: null,
  appliedDigest: null,
  version: "0.1.0",
  problem: null,
});

/** A trainer whose only run passes through the given states. */
function trainer(component: string, ...states: readonly Partial<Run>[]): Partial<TrainerService> {
  const run = { ...someRun, component, id: `run-${component}` };
  return {
    status: async () => status(component),
    startRun: async () => ({ ...run, state: "queued" }),
    listRuns: async () => [run],
    async *watchRun() {
      for (const state of states) {
        yield { ...run, ...state };
        await sleep(5);
      }
    },
  };
}

describe("services outside the stack", () => {
  it("are located by flags or environment variables, and report their own component", async () => {
    const [m1, m2] = [
      await serve({ component: "m1", trainer: trainer("m1") }),
      await serve({ trainer: trainer("m2") }),
    ];
    const flags = await cli(["runs", "--json", "--trainer", m1.address, "--trainer", m2.address]);
    expect((JSON.parse(flags.stdout) as Run[]).map(({ id }) => id).sort()).toEqual(["run-m1", "run-m2"]);
    const env = await cli(["runs", "m2", "--json"], { env: { UNCOUPLE_TRAINER: `${m1.address},${m2.address}` } });
    expect((JSON.parse(env.stdout) as Run[]).map(({ id }) => id)).toEqual(["run-m2"]);
    const wrong = await cli(["train", "m3", "--trainer", m1.address]);
    expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining("available: m1") });
  });

  it("are reached over TLS, with a client certificate if they require one", async () => {
    const pem = (name: string) => readFileSync(join(tls, name));
    const server = { certificate: pem("server.pem"), key: pem("server.key"), clientCa: pem("ca.pem") };
    const { address } = await serve({ component: "m1", trainer: trainer("m1") }, { tls: server });
    const args = ["runs", "--json", "--trainer", address, "--tls-ca", "ca.pem"];
    const known = await cli([...args, "--tls-cert", "client.pem", "--tls-key", "client.key"], { cwd: tls });
    expect(known.code).toBe(0);
    const env = { UNCOUPLE_TLS_CA: "ca.pem", UNCOUPLE_TLS_CERT: "client.pem", UNCOUPLE_TLS_KEY: "client.key" };
    expect(await cli(["runs", "--json"], { cwd: tls, env: { ...env, UNCOUPLE_TRAINER: address } })).toEqual(known);
    const stranger = await cli(args, { cwd: tls });
    expect(stranger).toMatchObject({ code: 7, stdout: "" });
  });
});

describe("runs", () => {
  it("are listed with a note for each trainer that fails; if all fail, the command fails", async () => {
    const listRuns = async () => {
      throw new UncoupleError("unavailable", "the trainer is stopping");
    };
    const [m1, m2] = [
      await serve({ component: "m1", trainer: trainer("m1") }),
      await serve({ trainer: { ...trainer("m2"), listRuns } }),
    ];
    const { code, stdout, stderr } = await cli(["runs", "--trainer", m1.address, "--trainer", m2.address]);
    expect([code, stderr]).toEqual([0, "could not list the runs of m2: the trainer is stopping\n"]);
    expect(stdout).toContain("run-m1");
    const alone = await cli(["runs", "--trainer", m2.address]);
    expect(alone).toMatchObject({ code: 7, stdout: "", stderr: "uncouple: the trainer is stopping\n" });
  });

  const message = `the store is full: ${"2 GiB of 2 GiB are used; ".repeat(8)}make room`;
  const failed = { ...someRun, id: "r2", state: "failed", error: { code: "resource-exhausted", message } } as const;

  it("are listed within the terminal's width; elsewhere, a long failure ends its line", async () => {
    const { address } = await serve({ trainer: { ...trainer("m2"), listRuns: async () => [failed, someRun] } });
    const terminal = await cli(["runs", "--trainer", address], { tty: true });
    const lines = stripVTControlCharacters(terminal.stdout).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    const piped = (await cli(["runs", "--trainer", address])).stdout.trimEnd().split("\n");
    expect(piped).toHaveLength(3);
    expect(piped.find((line) => line.startsWith("r2"))?.endsWith(message)).toBe(true);
    expect(Math.max(...piped.filter((line) => !line.startsWith("r2")).map((line) => line.length))).toBeLessThan(120);
  });

  it("are shown individually with all details", async () => {
    const warned = { ...failed, warnings: ["the support is narrow"] };
    const { address } = await serve({ trainer: { ...trainer("m2"), listRuns: async () => [warned, someRun] } });
    const { stdout, code } = await cli(["runs", "r2", "--trainer", address]);
    expect(code).toBe(0);
    expect(stdout).toContain(`failure        resource-exhausted: ${message}\n`);
    expect(stdout).toContain("warning        the support is narrow\n");
    expect(stdout).toContain("trained on     m1@3\n");
    expect(JSON.parse((await cli(["runs", "r2", "--json", "--trainer", address])).stdout)).toEqual(warned);
    expect(await cli(["runs", "r3", "--trainer", address])).toMatchObject({ code: 3, stdout: "" });
  });
});

describe("verdicts", () => {
  it("are followed together with quarantines", async () => {
    const quarantine: Quarantine = {
      version: 1,
      pipeline: "tiny",
      component: "m1",
      serial: 3,
      reason: "malformed-model",
      detail: "it is damaged",
      evaluator: "e1",
      judgedAt: "2024-01-01T00:00:00.000Z",
    };
    let calls = 0;
    const { address } = await serve({
      evaluator: {
        async listQuarantines({ from }) {
          calls += 1;
          return from > 1 ? [] : [{ position: 1, value: quarantine }];
        },
        async *watchVerdicts() {
          yield { position: 1, value: someVerdict };
          calls += 1;
          await sleep(60_000, undefined, { ref: false });
        },
      },
    });
    const interrupt = new AbortController();
    const following = cli(["verdicts", "--follow", "--evaluator", address], { interrupt: interrupt.signal });
    while (calls < 2) await sleep(20);
    await sleep(300);
    interrupt.abort();
    const { code, stdout } = await following;
    expect(code).toBe(130);
    expect(stdout).toContain("m1@2  self-defeating");
    expect(stdout).toMatch(/m1@3 {2}quarantined: .*it is damaged/);
  });
});

describe("alignment", () => {
  const { componentLoss, comparison } = someVerdict;
  const update = (serial: number, own: number, pipeline: number): Verdict => ({
    ...someVerdict,
    serial,
    componentLoss: { ...componentLoss, current: 1, candidate: 1 + own },
    comparison: comparison && { ...comparison, currentLoss: 1, candidateLoss: 1 + pipeline, difference: pipeline },
  });

  it("is measured over the verdict log, with a page of plots", async () => {
    const dir = await mkdtemp(join(tmpdir(), "uncouple-alignment-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    // The better the component, the worse the pipeline.
    const log = Array.from({ length: 12 }, (_, i) => update(i + 2, -0.01 * (i + 1), 0.02 * (i + 1)));
    const listVerdicts = async ({ from }: Page) =>
      from > 1 ? [] : log.map((value, at) => ({ position: at + 1, value }));
    const { address } = await serve({ evaluator: { listVerdicts } });
    const { code, stdout, stderr } = await cli(["alignment", "--out", "a.html", "--evaluator", address], { cwd: dir });
    expect([code, stderr]).toEqual([0, `Plot: ${join(dir, "a.html")}\n`]);
    expect(stdout).toMatch(/m1 +12 +-1\.00 +\[-1\.00, -1\.00\] +12 +12/);
    expect(stdout).toContain("m1: its own loss misleads");
    expect(await readFile(join(dir, "a.html"), "utf8")).toContain("Alignment in pipeline demo");
    const json = await cli(["alignment", "m1", "--json", "--evaluator", address]);
    expect(JSON.parse(json.stdout)).toMatchObject([{ component: "m1", tau: -1, improved: 12, harmful: 12 }]);
  });

  it("is empty without verdicts, and says for which components there are some", async () => {
    const { address } = await serve({
      evaluator: { listVerdicts: async ({ from }) => (from > 1 ? [] : [{ position: 1, value: someVerdict }]) },
    });
    expect(await cli(["alignment", "m9", "--evaluator", address])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: 'no verdicts of m9 yet; available for: m1; did you mean "m1"?\n',
    });
  });
});

describe("output", () => {
  it("that cannot be written is reported in one line", async () => {
    const main = join(import.meta.dirname, "../../dist/services/cli/main.js");
    const writing = promisify(execFile)("/bin/sh", ["-c", '"$0" "$1" explain > /dev/full', process.execPath, main]);
    await expect(writing).rejects.toMatchObject({
      code: 6,
      stderr: "uncouple: cannot write to standard output: the disk is full\n",
    });
  });
});

describe("a service that does not respond", () => {
  it("does not delay Ctrl-C", async () => {
    const { address } = await serve({
      trainer: { listRuns: () => new Promise(() => {}), status: async () => status("m1") },
    });
    const interrupt = new AbortController();
    const waiting = cli(["runs", "--trainer", address], { interrupt: interrupt.signal });
    await sleep(300);
    interrupt.abort();
    expect(await waiting).toEqual({ code: 130, stdout: "", stderr: "uncouple: interrupted\n" });
  });
});

describe("a NATS server outside the stack", () => {
  it("without the pipeline stays unchanged, and the error lists its pipelines", async () => {
    const nats = await startTestNats();
    const backplane = await connectJetStream({ clock: systemClock, url: nats.url, pipeline: "paper", name: "test" });
    const ask = (...args: string[]) => cli([...args, "--nats", nats.url, "--pipeline", "papers"]);
    const notFound = {
      code: 3,
      stdout: "",
      stderr: `uncouple: the NATS server at ${nats.url} has no pipeline "papers"; did you mean "paper"? (it has paper)\n`,
    };
    expect(await ask("snapshots")).toMatchObject(notFound);
    expect(await ask("alias", "m1", "champion", "1")).toMatchObject(notFound);
    expect(await ask("show", "m1@1")).toMatchObject(notFound);
    await backplane.close();
    await nats.stop();
  });
});

describe("following a run", () => {
  const follow = (address: string, ...more: string[]) =>
    cli(["train", "m1", "--follow", "--trainer", address, ...more]);

  it("prints each state once and warnings on stderr, and the outcome on stdout", async () => {
    const running = { state: "running", step: 50 } as const;
    const { address } = await serve({
      component: "m1",
      trainer: trainer("m1", { state: "queued" }, running, running, {
        state: "succeeded",
        snapshot: 4,
        warnings: ["the support is narrow"],
      }),
    });
    const { code, stdout, stderr } = await follow(address);
    expect(code).toBe(0);
    expect(stdout).toContain("published m1@4");
    expect(stderr.match(/: running/g)).toHaveLength(1);
    expect(stderr).toContain("warning: the support is narrow");
  });

  it("exits with the code of the run's failure", async () => {
    const error = { code: "resource-exhausted", message: "the store is full" } as const;
    const { address } = await serve({ component: "m1", trainer: trainer("m1", { state: "failed", error }) });
    const { code, stdout } = await follow(address);
    expect(code).toBe(6);
    expect(stdout).toContain("failed: the store is full");
  });

  it("exits with 130 when the run was cancelled", async () => {
    const { address } = await serve({ component: "m1", trainer: trainer("m1", { state: "cancelled" }) });
    expect((await follow(address)).code).toBe(130);
  });

  it("fails with one line when the trainer goes away", async () => {
    const { address, server } = await serve({
      component: "m1",
      trainer: {
        ...trainer("m1"),
        async *watchRun() {
          yield someRun;
          await sleep(60_000, undefined, { ref: false });
        },
      },
    });
    const following = follow(address);
    await sleep(300);
    await server.stop(0);
    const { code, stderr } = await following;
    expect(code).toBe(7);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^uncouple: /);
  });

  it("fails with the reason why the trainer rejects the run", async () => {
    const { address } = await serve({
      component: "m1",
      trainer: {
        ...trainer("m1"),
        startRun: () => Promise.reject(new UncoupleError("resource-exhausted", "8 runs wait already; try again later")),
      },
    });
    expect(await follow(address)).toMatchObject({
      code: 6,
      stdout: "",
      stderr: "uncouple: 8 runs wait already; try again later\n",
    });
  });
});

describe("the matrix", () => {
  const judging: EvaluatorStatus = {
    pipeline: "tiny",
    evaluator: "e1",
    state: "idle",
    pending: 0,
    rows: 100,
    current: {},
    loss: null,
    gaps: [],
    unreadable: [],
    pipelineDigest: null,
    appliedDigest: null,
    version: "0.1.0",
    heldOut: null,
    release: null,
    gate: null,
  };

  it("is shown with intervals, in a table and as JSON", async () => {
    const comparison = {
      kind: "degraded",
      difference: 0.02,
      relative: 0.25,
      interval: [0.01, 0.03],
      level: 0.95,
    } as const;
    const edge: PipelineMatrix = {
      upstream: "m1",
      downstream: "m2",
      upstreamSerials: [1, 2],
      downstreamSerials: [3],
      cells: [
        { upstreamSerial: 1, downstreamSerial: 3, loss: 0.08 },
        { upstreamSerial: 2, downstreamSerial: 3, loss: 0.1, comparison },
      ],
      current: { upstreamSerial: 1, downstreamSerial: 3 },
      intervals: { method: "hall", level: 0.95, compared: 1 },
    };
    const asked: unknown[] = [];
    const { address } = await serve({
      evaluator: {
        status: async () => judging,
        async matrix(options) {
          asked.push(options);
          return [edge];
        },
      },
    });
    const { code, stdout } = await cli(["matrix", "--intervals", "--evaluator", address]);
    expect(code).toBe(0);
    expect(stdout).toContain("m2@3     *0.080  0.10");
    expect(stdout).toContain("m1@2  m2@3  degraded  +25.0 % [+12.5, +37.5]");
    const json = await cli(["matrix", "--intervals", "--json", "--evaluator", address]);
    expect(JSON.parse(json.stdout)).toEqual([edge]);
    expect(asked).toEqual([{ intervals: true }, { intervals: true }]);
  });

  it("of an evaluator that gives no intervals is refused if they were asked for", async () => {
    const edge = { upstream: "m1", downstream: "m2", upstreamSerials: [1], downstreamSerials: [1], cells: [] };
    const { address } = await serve({ evaluator: { matrix: async () => [edge], status: async () => judging } });
    expect(await cli(["matrix", "--intervals", "--evaluator", address])).toMatchObject({
      code: 5,
      stdout: "",
      stderr: "uncouple: the evaluator runs an earlier version, which gives no intervals; upgrade it\n",
    });
    expect((await cli(["matrix", "--evaluator", address])).code).toBe(0);
  });
});

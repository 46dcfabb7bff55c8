import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type ErrorCode, UncoupleError } from "../../services/common/errors.ts";
import { decodeModel } from "../../services/engine/compiler/onnx/decode-model.ts";
import type { ModelProto } from "../../services/engine/compiler/onnx/gen/onnx-schema.ts";
import { encodeModel } from "../../services/engine/compiler/onnx/onnx-proto.ts";
import type { PredictionInputs } from "../../services/pipeline/prediction.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { collect } from "../../services/registry/logged.ts";
import { connectTrainer, type RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import type { TrainerState } from "../../services/rpc/services/trainer-service.ts";
import { cli } from "../helpers/cli.ts";
import { denseBytes, draftFor, oracleOf, twoStage } from "../helpers/dense-snapshots.ts";
import type { DraftChange } from "../helpers/drafts.ts";
import { connectRaw } from "../helpers/raw-nats.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { type UpOfTest, uncouple, up } from "../helpers/uncouple.ts";
import { wrongData } from "../helpers/wrong-commands/data.ts";
import { wrongFiles } from "../helpers/wrong-commands/files.ts";
import { commonFiles, fromFile } from "../helpers/wrong-commands/fixtures.ts";
import { wrongFlags } from "../helpers/wrong-commands/flags.ts";
import { wrongModelTests } from "../helpers/wrong-commands/model-tests.ts";
import { wrongReleases } from "../helpers/wrong-commands/releases.ts";
import { wrongReports } from "../helpers/wrong-commands/reports.ts";
import { wrongRequests } from "../helpers/wrong-commands/requests.ts";
import { wrongSamples } from "../helpers/wrong-commands/sample.ts";
import { wrongShared } from "../helpers/wrong-commands/shared.ts";
import { wrongSimulations } from "../helpers/wrong-commands/simulate.ts";
import { wrongTracking } from "../helpers/wrong-commands/tracking.ts";
import { wrongTuning } from "../helpers/wrong-commands/tuning.ts";
import { wrongWorkers } from "../helpers/wrong-commands/workers.ts";
import type { WrongCommand } from "../helpers/wrong-commands/wrong-command.ts";

const anyPorts = ["--port", "0", "--metrics-port", "0"];

interface WrongCall {
  readonly what: string;
  readonly call: (m1: RemoteTrainer) => Promise<unknown>;
  readonly code: ErrorCode;
  readonly says: string;
}

const never = new AbortController().signal;
const x1 = (rows: number, width: number, value = 1): PredictionInputs => ({
  rows,
  columns: { x1: { kind: "numeric", width, values: new Float32Array(rows * width).fill(value) } },
});

/** Requests that no command sends, but another client may. */
const wrongCalls: readonly WrongCall[] = [
  {
    what: "an unknown run id",
    call: (m1) => m1.getRun("nobody"),
    code: "not-found",
    says: 'm1 has no run "nobody"; list the runs to see those that are kept',
  },
  {
    what: "a team file for a different component",
    call: (m1) => m1.startRun({ teamFile: "component: m2\nmodel: linear\n" }),
    code: "invalid-argument",
    says: "team file of the request: component: this trainer trains m1, but the file is for m2",
  },
  {
    what: "an invalid team file",
    call: (m1) => m1.startRun({ teamFile: "m1" }),
    code: "invalid-argument",
    says: "team file of the request:1: the top level must be a mapping (key: value)",
  },
  {
    what: "an oversized team file",
    call: (m1) => m1.startRun({ teamFile: `# ${"x".repeat(300_000)}` }),
    code: "invalid-argument",
    says: "the team file of the request has 300002 bytes; the limit is 262144",
  },
  {
    what: "a prediction with missing inputs",
    call: (m1) => m1.predict({ rows: 1, columns: {} }),
    code: "invalid-argument",
    says: "the input x1 is missing",
  },
  {
    what: "a prediction from inputs with the wrong width",
    call: (m1) => m1.predict(x1(2, 9)),
    code: "invalid-argument",
    says: "the input x1 has 18 values of width 9; the model requires [2, 10]",
  },
  {
    what: "a prediction from NaN",
    call: (m1) => m1.predict(x1(2, 10, Number.NaN)),
    code: "invalid-argument",
    says: "column x1: row 1 is NaN, not a finite number",
  },
  {
    what: "a prediction too large for a message",
    call: (m1) => m1.predict(x1(500_000, 10)),
    code: "resource-exhausted",
    says: "the request for 500000 rows takes 20000130 bytes, above maxMessageBytes = 16777216; send about 419427 rows at a time",
  },
  {
    what: "a prediction with an unknown snapshot",
    call: (m1) => m1.predict(x1(1, 10), 99),
    code: "not-found",
    says: "no snapshot m1@99: its newest is 1",
  },
  {
    what: "the bytes of an unknown snapshot",
    call: (m1) => m1.readSnapshot(99, never),
    code: "not-found",
    says: "no snapshot m1@99: its newest is 1",
  },
];

interface WrongSnapshot {
  readonly what: string;
  readonly bytes: () => Uint8Array;
  readonly change?: DraftChange;
  /** Flips a bit of the stored bytes before they are read, as a bad disk would. */
  readonly damaged?: true;
  readonly says: string;
}

const m1 = oracleOf("m1");
const MAX_MODEL_BYTES = 20_000;

function edited(change: (model: ModelProto) => void): Uint8Array {
  const model = decodeModel(denseBytes(m1, "z"));
  change(model);
  return encodeModel(model);
}

const wrongSnapshots: readonly WrongSnapshot[] = [
  {
    what: "bytes that are not a model",
    bytes: () => new TextEncoder().encode("not a model"),
    says: "malformed-model: not a valid ONNX model: parsing failed at byte 1: expected a field",
  },
  {
    what: "half a model",
    bytes: () => denseBytes(m1, "z").subarray(0, denseBytes(m1, "z").length / 2),
    says: "malformed-model: not a valid ONNX model: parsing failed at byte 15: the data is truncated",
  },
  {
    what: "a model with tensors in an external file",
    bytes: () =>
      edited((model) => {
        const tensor = model.graph?.initializer?.[0];
        if (tensor === undefined) throw new Error("the model has no tensor");
        delete tensor.rawData;
        tensor.dataLocation = 1;
        tensor.externalData = [{ key: "location", value: "/etc/passwd" }];
      }),
    says: "malformed-model: the model stores a tensor in an external file (graph.initializer[0].external_data[0]); save the model with all tensors embedded",
  },
  {
    what: "a model that is too large",
    bytes: () => new Uint8Array(MAX_MODEL_BYTES + 1),
    says: "oversized: its model has 20001 bytes, and this evaluator loads at most 20000",
  },
  {
    what: "a wrong input name",
    bytes: () => denseBytes({ ...m1, inputs: [{ name: "x9", width: 10 }] }, "z"),
    says: "wrong-inputs: the model has an input x9 that the component does not; expected x1",
  },
  {
    what: "a wrong output name",
    bytes: () => denseBytes(m1, "zz"),
    says: "wrong-output: the model has no output z; found: zz",
  },
  {
    what: "an output of the wrong width",
    bytes: () => denseBytes({ ...m1, layers: m1.layers.slice(0, 1) }, "z"),
    says: "wrong-output: the model's output z is float32 [rows, 8]; the pipeline requires float32 [rows, 3]",
  },
  {
    what: "a manifest with the wrong width",
    bytes: () => denseBytes(m1, "z"),
    change: { contract: { output: { name: "z", kind: "numeric", width: 2 } } },
    says: "wrong-output: z is numeric of width 2: the pipeline file asks for numeric of width 3",
  },
  {
    what: "predictions of NaN",
    bytes: () =>
      denseBytes(
        { ...m1, layers: m1.layers.map((layer) => ({ ...layer, bias: layer.bias.map(() => Number.NaN) })) },
        "z",
      ),
    says: "not-finite: z is not finite in row 1",
  },
  {
    what: "bytes that do not match their digest",
    bytes: () => edited((model) => Object.assign(model, { producerName: "nobody" })),
    damaged: true,
    says: "digest-mismatch: m1@11: SHA-256 DIGEST was read from OBJ_uncouple-paper-models, its manifest says DIGEST",
  },
];

let dir: string;
let home: string;
let stack: UpOfTest;
let backplane: Backplane;
let trainer: RemoteTrainer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-bad-"));
  home = await folder("stack", {});
  stack = await up(["pipeline.yaml", "m1.yaml", "m2.yaml", "--max-model-bytes", String(MAX_MODEL_BYTES)], {
    cwd: home,
  });
  backplane = await connectJetStream({ clock: systemClock, url: stack.stack.natsUrl, pipeline: "paper", name: "test" });
  trainer = connectTrainer(stack.stack.trainers.m1 ?? "", { clock: systemClock });
  for (const component of ["m1", "m2"]) {
    const { code, stdout, stderr } = await uncouple(["train", component, "--follow"], { cwd: home });
    expect(`${stdout}${stderr}${code}`).toMatch(/published m\d@1 (.|\n)*0$/);
  }
});
afterAll(async () => {
  trainer.close();
  await backplane.close();
  expect(await stack.end("SIGINT")).toBe(130);
  await rm(dir, { recursive: true, force: true });
});

/** Creates a folder with the common files and these. */
async function folder(name: string, own: NonNullable<WrongCommand["files"]>): Promise<string> {
  const path = join(dir, name);
  await mkdir(path);
  for (const [file, content] of Object.entries({ ...commonFiles, ...own })) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  }
  return path;
}

/** The files of a folder with their contents. Ignores folders, because a service may create its state folder. */
async function contents(path: string): Promise<Readonly<Record<string, string>>> {
  const files = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map(async ({ name }) => [name, await readFile(join(path, name), "base64")]));
  return Object.fromEntries(texts) as Readonly<Record<string, string>>;
}

/** Everything that a bad call must not change: snapshots, aliases, verdicts, releases and orders, runs. */
async function state() {
  const { registry, verdicts, quarantines, ledger } = backplane;
  const snapshots = await registry.list();
  while ((await verdicts.list()).length + (await quarantines.list()).length < snapshots.length) await sleep(20);
  while (((await ledger.release())?.value.number ?? 0) < 2) await sleep(20);
  return {
    snapshots,
    aliases: [await registry.aliasLog("m1"), await registry.aliasLog("m2")],
    verdicts: await verdicts.list(),
    quarantines: await quarantines.list(),
    ledger: await collect(ledger.read(0)),
    runs: await trainer.listRuns(),
  };
}

async function trainerIs(wanted: TrainerState): Promise<void> {
  while ((await trainer.status()).state !== wanted) await sleep(20);
}

let cases = 0;

/** Commands that handle signals of their process. */
const SERVICES = ["demo", "evaluator", "follow-release", "inference-host", "trainer", "up", "worker"];

describe.each([
  ["files", wrongFiles],
  ["data", wrongData],
  ["flags and references", wrongFlags],
  ["tracking servers", wrongTracking],
  ["searches and studies", wrongTuning],
  ["samples", wrongSamples],
  ["pages about runs and studies, and tests of models", [...wrongReports, ...wrongModelTests]],
  ["flags of workers", wrongWorkers],
  ["components of other pipelines", wrongShared],
  ["requests", wrongRequests],
  ["releases", wrongReleases],
  ["simulations", wrongSimulations],
] as const)("wrong %s on the command line", (_, table) => {
  let before: Awaited<ReturnType<typeof state>>;
  beforeAll(async () => {
    before = await state();
  });

  test.concurrent.for(table)("$what", async ({ what, files = {}, run, env: variables, exit, says }, { expect }) => {
    const cwd = await folder(`case-${++cases}`, files);
    const before = await contents(cwd);
    const args = run.split(" ").map((part) => part.replace(/^NATS(?=$|\/)/, stack.stack.natsUrl));
    // A process costs a second: the first of each table is one, and services, which never run within a test.
    const alone = what === table[0]?.what || SERVICES.includes(args[0] ?? "");
    const env = { UNCOUPLE_DIR: stack.dir, ...variables };
    const { code, stdout, stderr } = await (alone ? uncouple(args, { cwd, env }) : cli(args, { cwd, env }));
    // `validate` prints problems as its result on stdout; other commands print errors on stderr.
    const output = args[0] === "validate" ? stdout + stderr : stderr;
    const text = output
      .replaceAll(cwd, "HERE")
      .replaceAll(stack.dir, "STACK")
      .replaceAll(stack.stack.natsUrl.replace(/\/\/.*@/, "//"), "NATS")
      .replace(/process \d+/, "process PID")
      // Another command line may have begun one meanwhile.
      .replace(/\(it has [^)]+\)/, "(it has PIPELINES)");
    expect(text).toBe(`${says}\n`);
    expect(code).toBe(exit);
    expect(stdout + stderr).not.toMatch(/^ {4}at |\\n {4}at /m);
    expect(await contents(cwd)).toEqual(before);
  });

  test("changes nothing", async () => {
    expect(await state()).toEqual(before);
  });
});

describe("wrong messages", () => {
  test("are rejected with a reason each, and change nothing", async () => {
    const before = await state();
    for (const { what, call, code, says } of wrongCalls) {
      const outcome = await call(trainer).then(
        () => "succeeded",
        (error: unknown) => error,
      );
      expect(outcome, what).toBeInstanceOf(UncoupleError);
      expect([(outcome as UncoupleError).code, (outcome as UncoupleError).message], what).toEqual([code, says]);
    }
    expect(await state()).toEqual(before);
  });

  test("beyond the queue capacity are rejected, and keep the queued runs", async () => {
    const before = await state();
    const teamFile = "component: m1\nmodel: linear\nsteps: 100000000\nengine: onnx:cpu\n";
    const { queueCapacity } = await trainer.status();
    const waiting = [await trainer.startRun({ teamFile })];
    await trainerIs("training");
    for (let run = 0; run < queueCapacity; run++) waiting.push(await trainer.startRun({ teamFile }));
    const refused = await uncouple(["train", "m1"], { cwd: home });
    expect(refused).toEqual({
      code: 6,
      stdout: "",
      stderr: "uncouple: the queue of m1 is full: 8 runs waiting (the maximum); wait for one to start, or cancel one\n",
    });
    expect((await trainer.listRuns()).filter(({ state }) => state === "queued")).toHaveLength(queueCapacity);
    for (const { id } of waiting.toReversed()) await trainer.cancelRun(id);
    await trainerIs("idle");
    expect({ ...(await state()), runs: [] }).toEqual({ ...before, runs: [] });
  });

  test("with an unlisted class in the data fail the run, which names the class", async () => {
    const cwd = await folder("classes", {
      "pipeline.yaml": fromFile("").replace(
        "output: { name: z, width: 1, meaning: scalar }, target: y, loss: mse",
        "output: { name: z, width: 2, meaning: probabilities, classes: [w0, w1] }, target: word, loss: cross-entropy",
      ),
    });
    const service = spawnCli(
      ["trainer", "--pipeline", "pipeline.yaml", "--team", "m1.yaml", "--nats", stack.stack.natsUrl, ...anyPorts],
      { cwd },
    );
    await service.seen(/"grpc":"/);
    const address = /"grpc":"([^"]*)"/.exec(service.stdout())?.[1] ?? "";
    const run = await uncouple(["train", "m1", "--follow", "--trainer", address], { cwd });
    service.child.kill("SIGTERM");
    expect(await service.ended).toBe(0);
    expect(run.code).toBe(5);
    expect(run.stdout).toBe('m1 async: failed: m1: target column word contains "w2", which is not in output.classes\n');
  });
});

describe("wrong snapshots, published straight into the registry", () => {
  test("are quarantined with a visible reason each, and do not block others", async () => {
    const before = await state();
    const evaluator = (await stack.pidOf("evaluator")) ?? 0;
    // Suspended, so that the damage is done before the bytes are read.
    process.kill(evaluator, "SIGSTOP");
    for (const { bytes, change, damaged } of wrongSnapshots) {
      const draft = await draftFor({ ...twoStage, name: "paper" }, "m1", change);
      const { size } = await backplane.registry.publish(draft, bytes(), "any");
      if (damaged) await damage(size);
    }
    await backplane.registry.publish(await draftFor({ ...twoStage, name: "paper" }, "m1"), denseBytes(m1, "z"), "any");
    process.kill(evaluator, "SIGCONT");
    const after = await state();

    expect(after.verdicts.slice(0, before.verdicts.length)).toEqual(before.verdicts);
    const [last, ...others] = after.verdicts.slice(before.verdicts.length);
    expect(last).toMatchObject({ serial: wrongSnapshots.length + 2, kind: "improved" });
    expect(last?.comparison?.current).toEqual({ m1: 1, m2: 1 });
    expect(others).toEqual([]);

    const { code, stdout, stderr } = await uncouple(["verdicts", "m1"], { cwd: home });
    expect([code, stderr]).toEqual([0, "held-out generation 1: 3 verdicts on the same rows\n"]);
    const lines = stdout.split("\n").filter((line) => line.includes("quarantined"));
    expect(lines.map((line) => line.replace(/[0-9a-f]{64}/g, "DIGEST"))).toEqual(
      wrongSnapshots.map(({ says }, index) => `m1@${index + 2}  quarantined: ${says}`),
    );
    const listed = await uncouple(["snapshots", "m1", "--json"], { cwd: home });
    const judged = (JSON.parse(listed.stdout) as { verdict: string }[]).map(({ verdict }) => verdict);
    expect(judged).toEqual(["inconclusive", ...wrongSnapshots.map(() => "quarantined"), "improved"]);
    const shown = await uncouple(["show", "m1@2"], { cwd: home });
    expect(shown.stdout).toContain(`m1@2  quarantined: ${wrongSnapshots[0]?.says}`);
    const aliased = await uncouple(["alias", "m1", "audit", "2"], { cwd: home });
    expect(aliased).toMatchObject({
      code: 0,
      stderr: `m1@2 is quarantined and will not be used: ${wrongSnapshots[0]?.says}\n`,
    });
  });

  test("do not crash any process of the stack", () => {
    expect(stack.output()).not.toMatch(/again|restarting|exited|killed|failed/);
  });
});

/** Damages the stored bytes of the newest model of this size. */
async function damage(size: number): Promise<void> {
  const raw = await connectRaw(stack.stack.natsUrl);
  const stream = "OBJ_uncouple-paper-models";
  const { state: stored } = await raw.jsm.streams.info(stream);
  for (let seq = stored.last_seq; seq > 0; seq--) {
    const { subject, data } = await raw.jsm.streams.getMessage(stream, { seq });
    if (data.length !== size) continue;
    await raw.jsm.streams.deleteMessage(stream, seq);
    await raw.nc.jetstream().publish(
      subject,
      data.map((byte, index) => (index === 100 ? byte ^ 1 : byte)),
    );
    break;
  }
  await raw.close();
}

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { outcomeCodes } from "../../services/runtime/exit-codes.ts";
import { corpus } from "../corpus/all-cases.ts";
import { bytesOf, INPUT, ints, node, soundModel, WEIGHTS } from "../corpus/build-model.ts";
import { type CorpusCase, reasonsOf } from "../corpus/corpus-case.ts";
import { oracleOf } from "../helpers/dense-snapshots.ts";
import { openEvaluatorWorld } from "../helpers/evaluator-world.ts";
import { testHosts } from "../helpers/hosts.ts";
import { recordingLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

/** What a file that no model may read contains. */
const CANARY = "the canary of the corpus";

let folder: string;
let nats: TestNats;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-corpus-"));
  nats = await startTestNats();
});
afterAll(async () => {
  await nats.stop();
  await rm(folder, { recursive: true });
});

/** A value that no text outside of the host may show. */
const SECRET = 31_337;

/** Looks for its secret beyond the end of a row; ONNX Runtime's message names it. */
const telltale = (): Uint8Array =>
  bytesOf({
    nodes: [node("Gather", "x1 places", "found", { axis: 1 }), node("MatMul", "found w", "z")],
    constants: [WEIGHTS, ints("places", Array<number>(INPUT.width).fill(SECRET))],
  });

/** Those that kill a host take seconds each: `npm run test:slow` has them, too. */
const cases = corpus("canary.bin").filter((one) => !(one.found === "host" && reasonsOf(one).includes("too-expensive")));

interface Line {
  readonly file: string;
  readonly accepted: boolean;
  readonly reason: string | null;
  readonly detail: string | null;
}

test("uncouple inspect refuses every model of the corpus with its reason, and accepts a sound one", async () => {
  const files = join(folder, "inspect");
  await mkdir(files);
  await writeFile(join(files, "canary.bin"), CANARY);
  await writeFile(
    join(files, "pipeline.yaml"),
    `pipeline: corpus
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
objective: m2
`,
  );
  await Promise.all(cases.map((one, index) => writeFile(join(files, `${index}.onnx`), one.bytes())));
  await writeFile(join(files, "sound.onnx"), soundModel());
  const names = [...cases.map((_, index) => `${index}.onnx`), "sound.onnx"];
  const flags = ["--pipeline-file", "pipeline.yaml", "--component", "m1", "--json"];
  const run = spawnCli(["inspect", ...names, ...flags], { cwd: files });
  expect(await run.ended, run.stderr()).toBe(outcomeCodes.refused);
  expect(run.stderr()).toBe("");
  const lines = run
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(lines.map(({ file }) => file)).toEqual(names);
  const last = lines.pop();
  expect(last).toMatchObject({ accepted: true, reason: null, detail: null, operators: ["MatMul"] });
  lines.forEach((line, index) => {
    expectRefusal(cases[index] as CorpusCase, line.reason, line.detail);
  });
  expect(run.stdout()).not.toContain(CANARY);
});

test("ONNX Runtime itself would tell a model's values", async () => {
  const session = await InferenceSession.create(telltale(), { logSeverityLevel: 4 });
  const x1 = new Tensor("float32", new Float32Array(10), [1, 10]);
  await expect(session.run({ x1 })).rejects.toThrow(String(SECRET));
});

test("an evaluator quarantines every model of the corpus with its reason, and judges on", async () => {
  const world = await openEvaluatorWorld(nats.url, "corpus", 2000);
  try {
    await world.publish("m1", oracleOf("m1"));
    await world.publish("m2", oracleOf("m2"));
    // Large files are refused by the same inspection.
    const small = cases.filter((one) => one.bytes().length < 2 ** 20 && one.bytes().length > 0);
    const serials = new Map<number, CorpusCase>();
    for (const one of small) serials.set((await world.publish("m1", one.bytes())).serial, one);
    await world.publish("m1", oracleOf("m1"));
    const { serial: telling } = await world.publish("m1", telltale());
    const { log, records } = recordingLog();
    const evaluator = await world.evaluator({}, testHosts, log);
    const { verdicts, quarantines } = await world.settled(small.length + 4);
    expect(verdicts.map(({ component, serial }) => [component, serial])).toEqual([
      ["m1", 1],
      ["m2", 1],
      ["m1", small.length + 2],
    ]);
    expect(quarantines.length).toBe(small.length + 1);
    expect(quarantines.find(({ serial }) => serial === telling)).toMatchObject({
      reason: "malformed-model",
      detail: expect.stringContaining("the model failed on"),
    });
    const metrics = await (await fetch(`http://127.0.0.1:${evaluator.httpPort}/metrics`)).text();
    for (const shown of [JSON.stringify(records), JSON.stringify(quarantines), metrics]) {
      expect(shown).toMatch(/m1/);
      expect(shown).not.toMatch(new RegExp(`${SECRET}|NaN|canary`));
    }
    for (const { serial, reason, detail } of quarantines) {
      if (serial !== telling) expectRefusal(serials.get(serial) as CorpusCase, reason, detail);
    }
    const ready = await fetch(`http://127.0.0.1:${evaluator.httpPort}/readyz`);
    expect(ready.status).toBe(200);
  } finally {
    await world.close();
  }
}, 300_000);

function expectRefusal(one: CorpusCase, reason: string | null, detail: string | null): void {
  expect(reasonsOf(one), `${one.name}: ${reason}: ${detail}`).toContain(reason);
  expect(detail, one.name).toMatch(/^[\P{C}]+$/u);
  expect(detail, one.name).not.toMatch(/NaN|Infinity|canary/);
}

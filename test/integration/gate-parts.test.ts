import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { divideHeldOut } from "../../services/data/held-out-parts.ts";
import { createRandom } from "../../services/data/random/random.ts";
import type { CounterfactualOracle } from "../../services/data/source/oracle.ts";
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { DEFAULT_GATE } from "../../services/pipeline/gate.ts";
import { type LedgerEntry, movesName } from "../../services/pipeline/release.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { cli } from "../helpers/cli.ts";
import { denseBytes } from "../helpers/dense-snapshots.ts";
import { draft } from "../helpers/drafts.ts";
import { testHosts } from "../helpers/hosts.ts";
import { recordingLog } from "../helpers/log.ts";
import { startTestNats, type TestNats } from "../helpers/nats-server.ts";

/** z is 2 x and y is 3 x, with noise. m2 reads x and what m1 predicts. */
const ROWS = 8000;
const PIPELINE = `pipeline: secret
data: { source: file, path: rows.csv, key: id, test_fraction: 0.5 }
components:
  m1: { columns: [x], output: { name: z, meaning: scalar }, target: zt }
  m2: { columns: [x], upstream: [m1], output: { name: y, meaning: scalar }, target: yt }
audit: { held_out: 3000 }
slices: [device]
gate: { mode: enforce, measure: both, bootstrap: newest, guards: { m1: 5 % }, slices: [device] }
`;
const ids = Array.from({ length: ROWS }, (_, row) => `row-${row}`);

/**
 * Writes the rows, with confirm and reserve rows multiplied by a power of two: their losses by its square, and no comparison
 * of two losses changes, down to the last bit.
 */
async function writeRows(folder: string, factor: number): Promise<void> {
  const labels = {
    id: { kind: "categorical", width: 1, codes: Int32Array.from(ids.keys()), dictionary: ids },
  } as const;
  const data = { source: "file", path: "rows.csv", key: "id", testFraction: 0.5, maxBadFraction: 0 } as const;
  const parts = divideHeldOut({ data }, { rows: ROWS, labels }, DEFAULT_GATE.split);
  const factorOf = new Float64Array(ROWS).fill(1);
  for (const row of [...parts.confirm, ...parts.reserve]) factorOf[row] = factor;
  const random = createRandom(1, "secret rows");
  const lines = ids.map((id, row) => {
    const [x, ofZ, ofY] = [random.gaussian(), 0.3 * random.gaussian(), 0.5 * random.gaussian()];
    const values = [x, 2 * x + ofZ, 3 * x + ofY].map((value) => Math.fround(value) * (factorOf[row] as number));
    return [id, row % 2 === 0 ? "tv" : "web", ...values].join(",");
  });
  await writeFile(join(folder, "rows.csv"), `id,device,x,zt,yt\n${lines.join("\n")}\n`);
  await writeFile(join(folder, "pipeline.yaml"), PIPELINE);
}

/** A sum of inputs with these weights. */
function linear(weights: Readonly<Record<string, number>>): CounterfactualOracle {
  const inputs = Object.keys(weights).map((name) => ({ name, width: 1 }));
  const layer = {
    inputs: inputs.length,
    outputs: 1,
    weights: Float32Array.from(Object.values(weights)),
    bias: new Float32Array(1),
  };
  return { inputs, layers: [layer] };
}

/** What is published in order, and how many entries the ledger has when the gate is done with it. */
const SNAPSHOTS = [
  { component: "m1", weights: { x: 1.5 }, entries: 1 },
  { component: "m2", weights: { x: 1, z: 0.5 }, entries: 2 },
  // Much better: confirmed and released.
  { component: "m2", weights: { x: 1, z: 1.32 }, entries: 4 },
  // A little better on screen rows: confirm rows are asked, and do not show it.
  { component: "m2", weights: { x: 1.1263, z: 1.25 }, entries: 5 },
  // Worse: nobody is asked.
  { component: "m2", weights: { x: 1, z: 3 }, entries: 6 },
] as const;

/** Varies between two runs whatever the rows are. */
const VARYING = new Set([
  "at",
  "judgedAt",
  "since",
  "startedAt",
  "seconds",
  "time",
  "pid",
  "hostname",
  "salt",
  "runId",
  "grpc",
  "http",
]);
const VARYING_METRICS = /_seconds|_bytes|_passes_total|^#|^$/;

let nats: TestNats[] = [];
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-gate-parts-"));
});
afterAll(async () => {
  await Promise.all(nats.map((server) => server.stop()));
  nats = [];
  await rm(dir, { recursive: true, force: true });
});

/** Everything that leaves an evaluator while it judges the snapshots and decides about them. */
async function published(name: string, factor: number) {
  const server = await startTestNats();
  nats.push(server);
  const folder = await mkdtemp(join(dir, `${name}-`));
  await writeRows(folder, factor);
  const connect = (as: string) =>
    connectJetStream({ clock: systemClock, url: server.url, pipeline: "secret", name: as });
  const backplane = await connect("publisher");
  const { log, records } = recordingLog();
  const evaluator = await runEvaluator(
    { pipelineFile: join(folder, "pipeline.yaml"), name: "e1", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    { connect: () => connect("e1"), hosts: testHosts, clock: systemClock, log },
  );
  const entries = async () => {
    const found: LedgerEntry[] = [];
    for await (const { value } of backplane.ledger.read(0)) found.push(value);
    return found;
  };
  const numeric = (input: string) => ({ name: input, kind: "numeric", width: 1 }) as const;
  for (const [index, { component, weights, entries: expected }] of SNAPSHOTS.entries()) {
    const output = component === "m1" ? "z" : "y";
    const contract = { inputs: Object.keys(weights).map(numeric), output: numeric(output) };
    const manifest = draft({ pipeline: "secret", component, contract, runId: `run-${index}` });
    await backplane.registry.publish(manifest, denseBytes(linear(weights), output), "any");
    while ((await entries()).length < expected) await systemClock.sleep(20);
    while ((await backplane.verdicts.list()).length <= index) await systemClock.sleep(20);
  }
  const client = connectEvaluator(`127.0.0.1:${evaluator.grpcPort}`, { clock: systemClock });
  const scrape = async () => (await fetch(`http://127.0.0.1:${evaluator.httpPort}/metrics`)).text();
  // Decisions are counted after they are appended.
  while (!/^uncouple_gate_decisions_total\{decision="refused".*\} 1$/m.test(await scrape()))
    await systemClock.sleep(20);
  const metrics = await scrape();
  const all = {
    verdicts: await backplane.verdicts.list(),
    listed: await client.listVerdicts({ from: 0, limit: 100 }),
    matrix: await client.matrix({ intervals: true }),
    status: await client.status(),
    quarantines: await backplane.quarantines.list(),
    generations: await backplane.generations.history(),
    metrics: metrics.split("\n").filter((line) => line.startsWith("uncouple_") && !VARYING_METRICS.test(line)),
  };
  client.close();
  await evaluator.stop();
  const pipelineFile = join(folder, "pipeline.yaml");
  const flags = ["--gate", pipelineFile, "--pipeline-file", pipelineFile, "--nats", server.url, "--pipeline", "secret"];
  const backtest = await cli(["backtest", ...flags, "--json"], { cwd: folder });
  const ledger = await entries();
  await backplane.close();
  const fingerprint = all.generations[0]?.fingerprint as string;
  const text = JSON.stringify(
    { ...all, backtest: JSON.parse(backtest.stdout), ledger, records },
    (key, value) => (VARYING.has(key) ? null : value),
    1,
  );
  return { ...all, ledger, text: text.replaceAll(fingerprint, "fingerprint") };
}

test("no number of confirm and reserve rows leaves an evaluator or a backtest: what they tell is the same, byte for byte", async () => {
  // Losses that are a million times as large.
  const runs = [published("plain", 1), published("marked", 1024)] as const;
  const [plain, marked] = await Promise.all(runs);
  expect(marked.text.split("\n")).toEqual(plain.text.split("\n"));

  // The gate has asked, and its answers are there.
  const decisions = plain.ledger.flatMap((entry) => (entry.entry === "decision" ? [entry] : []));
  expect(decisions.map(({ moves, decision, asked }) => [movesName(moves), decision, asked])).toEqual([
    ["m2@2", "promoted", { part: "confirm", question: 1 }],
    ["m2@3", "held", { part: "confirm", question: 2 }],
    ["m2@4", "refused", null],
  ]);
  expect(decisions.flatMap(({ criteria }) => criteria.map(({ confirmed }) => confirmed))).toContain(false);
  // Losses of what is published are those of about half of the 4,000 held-out rows.
  const screen = plain.verdicts[0]?.rows as number;
  expect(screen).toBeGreaterThan(1800);
  expect(screen).toBeLessThan(2200);
  expect(plain.generations).toMatchObject([{ generation: 1, split: DEFAULT_GATE.split }]);
  expect(plain.metrics.join("\n")).toMatch(/^uncouple_release_loss\{.*\} 0\.\d+$/m);
});

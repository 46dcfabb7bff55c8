import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SnapshotManifest } from "../../services/pipeline/manifest.ts";
import type { PipelineMatrix, Verdict } from "../../services/pipeline/verdict.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { type CliProcess, runCliProcess, spawnCli } from "../helpers/spawn-cli.ts";

/** The paper's first team, as it is and on TensorFlow, and the paper's second team on TensorFlow. */
const paper = join(import.meta.dirname, "../../examples/paper");
const FIRST = "component: m1\nmodel: { hidden: [64] }\nsteps: 400\nseed: 5\n";
const SECOND = "component: m2\nmodel: { hidden: [64] }\nprotocol: causal\nsteps: 400\nseed: 1\nengine: tensorflow\n";
const MODULE = "component: m1\nmodel: { module: ./model.ts }\nsteps: 100\nengine: tensorflow\n";
const MODEL = `
export function buildModel(tf: any, { inputs, outputs, seed }: { inputs: number; outputs: number; seed: number }) {
  const kernelInitializer = tf.initializers.heNormal({ seed });
  return tf.sequential({ layers: [tf.layers.dense({ units: outputs, inputShape: [inputs], kernelInitializer })] });
}
`;

let dir: string;
let up: CliProcess;

const options = () => ({ cwd: dir, env: { NATS_URL: "" } });
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runCliProcess([...args, "--json"], options());
  expect(`${code} ${stderr}`).toBe("0 ");
  return JSON.parse(stdout) as T;
}
async function train(...args: string[]): Promise<void> {
  expect(await runCliProcess(["train", ...args, "--follow"], options())).toMatchObject({ code: 0 });
}

beforeAll(async () => {
  await natsServerBinary();
  dir = await mkdtemp(join(tmpdir(), "uncouple-tensorflow-"));
  await writeFile(join(dir, "pipeline.yaml"), await readFile(join(paper, "pipeline.yaml")));
  await writeFile(join(dir, "m1.yaml"), `${FIRST}engine: wasm\n`);
  await writeFile(join(dir, "m1-tensorflow.yaml"), `${FIRST}engine: tensorflow\n`);
  await writeFile(join(dir, "m1-module.yaml"), MODULE);
  await writeFile(join(dir, "model.ts"), MODEL);
  await writeFile(join(dir, "m2.yaml"), SECOND);
  up = spawnCli(["up", "pipeline.yaml", "m1.yaml", "m2.yaml", "--json"], options());
  await up.seen(/\n}\n$/);
});
afterAll(async () => {
  up.child.kill("SIGINT");
  await up.ended;
  await rm(dir, { recursive: true, force: true });
});

describe("snapshots that TensorFlow trained", () => {
  it("are published and judged beside those of another engine", async () => {
    await train("m1");
    await train("m2");
    await train("m1", "--team", "m1-tensorflow.yaml");
    await train("m1", "--team", "m1-module.yaml");
    const following = spawnCli(["verdicts", "--follow", "--json"], options());
    await following.seen(/(.*\n){4}/);
    following.child.kill("SIGINT");
    await following.ended;
    const snapshots = (await json<{ manifest: SnapshotManifest }[]>("snapshots")).map(({ manifest }) => manifest);
    const engines = Object.fromEntries(
      snapshots.map(({ component, serial, provenance }) => [`${component}@${serial}`, provenance.engine]),
    );
    const log = await readFile(join(dir, ".uncouple/logs/trainer-m2.log"), "utf8");
    expect(log).not.toMatch(/^(WARNING|[IW]\d{4} )/m);
    expect(engines).toEqual({ "m1@1": "wasm", "m1@2": "tensorflow", "m1@3": "tensorflow", "m2@1": "tensorflow" });
  });

  it("are as good as those of another engine: repeating a training on TensorFlow leaves the pipeline as it was", async () => {
    const verdicts = await json<Verdict[]>("verdicts", "m1");
    const repeated = verdicts.find(({ serial }) => serial === 2);
    expect(repeated).toMatchObject({ kind: "inconclusive", componentLoss: { current: expect.any(Number) } });
    const { current = null, candidate = null } = repeated?.componentLoss ?? {};
    expect(Math.abs((candidate ?? Number.NaN) - (current ?? 0))).toBeLessThanOrEqual(1e-4 * (current ?? 0));
    const [edge] = await json<PipelineMatrix[]>("matrix");
    const losses = Object.fromEntries(edge?.cells.map(({ upstreamSerial, loss }) => [upstreamSerial, loss]) ?? []);
    const [of1 = Number.NaN, of2, of3] = [losses[1], losses[2], losses[3]];
    expect(Math.abs((of2 ?? Number.NaN) - of1)).toBeLessThanOrEqual(1e-4 * of1);
    // The linear model of few steps is another matter.
    expect(of3).toBeGreaterThan(2 * of1);
  });
});

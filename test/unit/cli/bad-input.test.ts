import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../../services/runtime/exit-codes.ts";
import { cli } from "../../helpers/cli.ts";

let dir: string;

const PIPELINE = `pipeline: tiny
data: { source: synthetic, generator: two-stage, seed: 1, rows: 200, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;

const files: Readonly<Record<string, string>> = {
  "pipeline.yaml": PIPELINE,
  "other.yaml": PIPELINE.replace("tiny", "other"),
  "cycle.yaml": PIPELINE.replace("m1: { columns: [x1],", "m1: { columns: [x1], upstream: [m2],"),
  "column.yaml": PIPELINE.replace("[x2]", "[x9]"),
  "generator.yaml": PIPELINE.replace("two-stage", "two-stag"),
  "nodata.yaml": PIPELINE.replace(/data: .*/, "data: { source: file, path: nowhere.csv }"),
  "m1.yaml": "component: m1\nmodel: linear\n",
  "m2.yaml": "component: m2\nmodel: { hidden: [8] }\n",
  "again.yaml": "component: m2\nmodel: linear\n",
  "m9.yaml": "component: m9\nmodel: linear\n",
  "unknown-key.yaml": "component: m2\nmodel: linear\nbatchsize: 3\n",
  "range.yaml": "component: m2\nmodel: linear\nprotocol: { name: proximal, sigma: -1 }\n",
  "protocol.yaml": "component: m2\nmodel: linear\nprotocol: casual\n",
  "upstream.yaml": "component: m1\nmodel: linear\nprotocol: causal\n",
  "broken.yaml": "pipeline: [\n",
  "list.yaml": "- a\n- b\n",
  "neither.yaml": "greeting: hello\n",
  "stale/stack.json": JSON.stringify({
    version: 1,
    pid: 2 ** 22 + 1,
    startedAt: "2030-01-01T00:00:00.000Z",
    pipeline: "tiny",
    pipelineFile: "/p.yaml",
    components: ["m1", "m2"],
    natsUrl: "nats://127.0.0.1:9",
    trainers: { m1: "127.0.0.1:9" },
    evaluator: "127.0.0.1:9",
    metrics: {},
  }),
  "broken/stack.json": "{",
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-bad-"));
  for (const folder of ["stale", "broken"]) await mkdir(join(dir, folder));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Case {
  readonly args: string;
  readonly code: keyof typeof exitCodes;
  /** What the error must contain. */
  readonly says: string;
  readonly env?: Readonly<Record<string, string>>;
}

const usage: readonly Case[] = [
  { args: "explane", code: "invalid-argument", says: "uncouple: unknown command 'explane' (Did you mean explain?)" },
  { args: "help trian", code: "invalid-argument", says: "uncouple: unknown command 'trian'; did you mean \"train\"?" },
  {
    args: "runs --jso",
    code: "invalid-argument",
    says: "uncouple runs: unknown option '--jso' (Did you mean --json?)",
  },
  { args: "train", code: "invalid-argument", says: "missing required argument 'component'" },
  { args: "train m1 m2", code: "invalid-argument", says: "too many arguments" },
  { args: "train m1 --param sigma", code: "invalid-argument", says: "NAME=VALUE" },
  { args: "train m1 --param s=1 --param s=2", code: "invalid-argument", says: "Parameter s is given twice" },
  {
    args: "train m1 --param sigma=1",
    code: "invalid-argument",
    says: "--param requires a protocol; add --protocol NAME",
  },
  { args: "train m1 --protocol", code: "invalid-argument", says: "argument missing" },
  { args: "show m1", code: "invalid-argument", says: "COMPONENT@SERIAL" },
  { args: "show m1@x", code: "invalid-argument", says: 'not "x"' },
  { args: "export m1@0 f.onnx", code: "invalid-argument", says: 'not "0"' },
  {
    args: "alias m1 champion",
    code: "invalid-argument",
    says: "give either a serial number or --remove",
  },
  { args: "alias m1 champion 2 --remove", code: "invalid-argument", says: "--remove" },
  { args: "alias m1 champion two", code: "invalid-argument", says: 'not "two"' },
  { args: "explain casual", code: "invalid-argument", says: 'unknown protocol "casual"' },
  { args: "trainer", code: "invalid-argument", says: "required option '--pipeline <file>' not specified" },
  {
    args: "evaluator --pipeline p.yaml --port 70000",
    code: "invalid-argument",
    says: "between 0 (any free port) and 65535",
  },
  { args: "evaluator --pipeline p.yaml --log-level loud", code: "invalid-argument", says: "debug, info, warn, error" },
  { args: "trainer --pipeline p --team t --engine gpu", code: "invalid-argument", says: "onnx:cuda" },
  { args: "trainer --pipeline p --team t --checkpoint-seconds 0", code: "invalid-argument", says: "above 0" },
  { args: "reproduce figure1 --seeds 4294967296", code: "invalid-argument", says: "an integer between 1 and 10000" },
  { args: "reproduce figure1 --first-seed 1e3", code: "invalid-argument", says: "an integer between 0 and" },
  { args: "reproduce figure1 --a 0", code: "invalid-argument", says: "Expected a nonzero number" },
  { args: "benchmark --seeds 0", code: "invalid-argument", says: "an integer between 1 and 1000" },
  { args: "benchmark --jobs 0", code: "invalid-argument", says: "an integer between 1 and 1000" },
  { args: "benchmark --pipelines cars,", code: "invalid-argument", says: "Expected names separated by commas" },
  {
    args: "benchmark --pipelines cars,penguin",
    code: "invalid-argument",
    says: 'unknown pipeline "penguin"; available: housing, diamonds,',
  },
  {
    args: "benchmark --protocols casual",
    code: "invalid-argument",
    says: 'unknown protocol "casual"; available: sync,',
  },
  { args: "simulate --teams 1", code: "invalid-argument", says: "an integer between 2 and 10000" },
  { args: "simulate --shape ring", code: "invalid-argument", says: "--edges: must be one of chain, diamond, layered" },
  { args: "simulate --policy async,", code: "invalid-argument", says: "Expected names separated by commas" },
  { args: "simulate --policy blend", code: "invalid-argument", says: "blend:WEIGHT needs a number from 0 (async)" },
  { args: "simulate --policy mixed:2", code: "invalid-argument", says: "mixed:SHARE needs a share of the teams" },
  { args: "simulate merge nats://h:x/b", code: "invalid-argument", says: 'invalid NATS address "nats://h:x"' },
  { args: "simulate --jobs 0", code: "invalid-argument", says: "an integer between 1 and 1000" },
  { args: "simulate nowhere.yaml", code: "invalid-argument", says: "nowhere.yaml: " },
  { args: "demo --seed -1", code: "invalid-argument", says: "must be a non-negative integer" },
  { args: "up pipeline.yaml", code: "invalid-argument", says: "missing required argument 'teams'" },
];

const filesAndData: readonly Case[] = [
  {
    args: "validate nowhere.yaml",
    code: "invalid-argument",
    says: "nowhere.yaml: cannot be read: no such file",
  },
  { args: "validate stale", code: "invalid-argument", says: "stale: cannot be read: it is a folder" },
  { args: "validate /dev/zero", code: "invalid-argument", says: "/dev/zero: exceeds the limit of 1048576 bytes" },
  { args: "validate list.yaml", code: "invalid-argument", says: "list.yaml:1: the top level must be a mapping" },
  { args: "validate neither.yaml", code: "invalid-argument", says: "neither.yaml: is neither a pipeline file" },
  { args: "validate broken.yaml", code: "invalid-argument", says: "broken.yaml:" },
  { args: "validate cycle.yaml", code: "invalid-argument", says: "cycle" },
  {
    args: "validate column.yaml",
    code: "invalid-argument",
    says: 'column.yaml:5: components.m2.columns[0]: the data has no column "x9"',
  },
  {
    args: "validate generator.yaml",
    code: "invalid-argument",
    says: 'generator.yaml:2: data.generator: unknown generator "two-stag"; available: two-stage, figure1, near-far, cube, wide, clicks, policy, chain, diamond; did you mean "two-stage"?',
  },
  { args: "validate nodata.yaml", code: "invalid-argument", says: "nowhere.csv" },
  { args: "validate unknown-key.yaml", code: "invalid-argument", says: "unknown-key.yaml:3: batchsize" },
  { args: "validate range.yaml", code: "invalid-argument", says: "range.yaml:3: protocol.sigma" },
  { args: "validate protocol.yaml", code: "invalid-argument", says: 'did you mean "causal"?' },
  {
    args: "validate pipeline.yaml upstream.yaml",
    code: "invalid-argument",
    says: "upstream.yaml:3: protocol: causal requires upstream components, but m1 has none",
  },
  {
    args: "validate pipeline.yaml m9.yaml",
    code: "invalid-argument",
    says: 'm9.yaml:1: component: pipeline "tiny" has no component "m9"',
  },
  { args: "up m1.yaml m2.yaml", code: "invalid-argument", says: "none of the files is a pipeline file; add one" },
  {
    args: "up pipeline.yaml other.yaml m1.yaml",
    code: "invalid-argument",
    says: "found two pipeline files, pipeline.yaml and other.yaml; give exactly one",
  },
  {
    args: "up pipeline.yaml m2.yaml again.yaml",
    code: "invalid-argument",
    says: "m2.yaml and again.yaml are both for component m2; give one",
  },
  { args: "up pipeline.yaml m1.yaml range.yaml", code: "invalid-argument", says: "range.yaml:3: protocol.sigma" },
  { args: "train m1 --team m2.yaml", code: "invalid-argument", says: "m2.yaml is for component m2, not m1" },
  { args: "train m1 --team pipeline.yaml", code: "invalid-argument", says: "pipeline.yaml is not a team file" },
  { args: "train m1 --team range.yaml", code: "invalid-argument", says: "range.yaml:3: protocol.sigma" },
];

const missing: readonly Case[] = [
  { args: "runs", code: "failed-precondition", says: "no stack found at" },
  { args: "snapshots", code: "failed-precondition", says: "uncouple up" },
  { args: "runs --dir stale", code: "failed-precondition", says: "is not running" },
  {
    args: "runs --dir broken",
    code: "invalid-argument",
    says: "broken/stack.json is not a valid stack file for this version",
  },
  { args: "snapshots --nats 127.0.0.1:9", code: "invalid-argument", says: "--pipeline NAME" },
  { args: "snapshots --nats http://x --pipeline tiny", code: "invalid-argument", says: "expected nats://host:port" },
  { args: "snapshots --nats 127.0.0.1:9 --pipeline tiny", code: "unavailable", says: "nats://127.0.0.1:9" },
  { args: "runs --trainer 127.0.0.1:9 --tls-cert c.pem", code: "invalid-argument", says: "TLS requires --tls-ca" },
  {
    args: "runs --trainer 127.0.0.1:9",
    code: "invalid-argument",
    says: "TLS requires --tls-ca",
    env: { UNCOUPLE_TLS_CERT: "c.pem" },
  },
  { args: "runs --trainer 127.0.0.1:9 --tls-ca c.pem", code: "invalid-argument", says: "c.pem cannot be read" },
  { args: "predict m1 nowhere.json", code: "invalid-argument", says: "nowhere.json cannot be read" },
  { args: "predict m1@x rows.json", code: "invalid-argument", says: 'not "x"' },
  { args: "predict m1 pipeline.yaml", code: "invalid-argument", says: "pipeline.yaml is not valid JSON" },
  { args: "snapshots --nats 127.0.0.1:9 --pipeline T!", code: "invalid-argument", says: 'pipeline "T!"' },
  { args: "runs --trainer nowhere", code: "invalid-argument", says: '"nowhere" is not host:port' },
  { args: "runs --trainer 127.0.0.1:9", code: "unavailable", says: "cannot reach 127.0.0.1:9" },
  { args: "matrix --evaluator 127.0.0.1:9", code: "unavailable", says: "cannot reach 127.0.0.1:9" },
  { args: "verdicts --follow --evaluator 127.0.0.1:9", code: "unavailable", says: "cannot reach 127.0.0.1:9" },
  {
    args: "verdicts",
    code: "unavailable",
    says: "cannot reach 127.0.0.1:9",
    env: { UNCOUPLE_EVALUATOR: "127.0.0.1:9" },
  },
  // An empty variable counts as unset.
  { args: "verdicts", code: "failed-precondition", says: "no stack found at", env: { UNCOUPLE_EVALUATOR: "" } },
  {
    args: "snapshots",
    code: "failed-precondition",
    says: "/.uncouple/stack.json",
    env: { UNCOUPLE_DIR: "", NATS_URL: "" },
  },
  {
    args: "snapshots",
    code: "unavailable",
    says: "127.0.0.1:9",
    env: { NATS_URL: "127.0.0.1:9", UNCOUPLE_PIPELINE: "tiny" },
  },
];

describe.each([
  ["incorrect usage", usage],
  ["invalid files", filesAndData],
  ["missing and unreachable services", missing],
])("%s", (_, cases) => {
  it.each(cases)("uncouple $args", async ({ args, code, says, env }) => {
    const result = await cli(args.split(" "), { cwd: dir, ...(env !== undefined && { env }) });
    const output = `${result.stdout}${result.stderr}`;
    expect(output).toContain(says);
    expect(result.code).toBe(exitCodes[code]);
    expect(output).not.toMatch(/\n\s+at |Error:|undefined|\[object/);
    // One line; validate prints one per problem, on stdout.
    const lines = output.trimEnd().split("\n");
    expect(lines.every((line) => /^(error|uncouple)/.test(line) || lines.length === 1)).toBe(true);
  });
});

describe("errors", () => {
  it("show their causes only with --verbose", async () => {
    const args = ["snapshots", "--nats", "127.0.0.1:9", "--pipeline", "tiny"];
    const short = await cli(args, { cwd: dir });
    const long = await cli([...args, "--verbose"], { cwd: dir });
    expect(short.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(long.stderr).toContain("caused by");
    expect(long.stderr).toContain("    at ");
  });

  it("of validate --json list every problem on stdout, as JSON", async () => {
    const { stdout, stderr, code } = await cli(
      ["validate", "range.yaml", "unknown-key.yaml", "nowhere.yaml", "--json"],
      { cwd: dir },
    );
    const { valid, problems } = JSON.parse(stdout) as {
      valid: boolean;
      problems: { file: string; line?: number; path: string }[];
    };
    expect(code).toBe(2);
    expect(stderr).toBe("");
    expect(valid).toBe(false);
    expect(problems.map(({ file, line }) => [file, line])).toEqual([
      ["range.yaml", 3],
      ["unknown-key.yaml", 3],
      ["nowhere.yaml", undefined],
    ]);
  });

  it("do not affect valid files, which are reported as ok", async () => {
    const { stdout, code } = await cli(["validate", "pipeline.yaml", "m1.yaml", "m2.yaml"], { cwd: dir });
    expect(code).toBe(0);
    expect(stdout.split("\n").filter((line) => line.startsWith("ok "))).toHaveLength(3);
  });
});

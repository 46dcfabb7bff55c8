import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli } from "../../helpers/cli.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

let server: TestNats;
let dir: string;
const bootstrap = (file: string, ...args: readonly string[]) =>
  cli(["bootstrap", "--pipeline", file, ...args], { cwd: dir, env: { USER: "ada", NATS_URL: server.url } });

beforeAll(async () => {
  server = await startTestNats();
  dir = await mkdtemp(join(tmpdir(), "uncouple-bootstrap-"));
  const text = (width: number) => `pipeline: boot
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000 }
components:
  m1: { columns: [x1], output: { name: z, width: ${width}, meaning: real }, target: z, loss: mse }
`;
  await writeFile(join(dir, "pipeline.yaml"), text(3));
  await writeFile(join(dir, "breaking.yaml"), text(3).replace("output: { name: z", "output: { name: zz"));
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

test("bootstrap creates streams and the evaluators' queue, applies the file, and then changes nothing", async () => {
  expect(await bootstrap("pipeline.yaml", "--replicas", "1")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^pipeline boot is now at \w+ \(the first one\)\n$/),
    stderr: "",
  });
  const raw = await connectRaw(server.url);
  try {
    const names = async () => (await raw.jsm.streams.names().next()).sort();
    const streams = await names();
    for (const kind of ["snapshots", "pipelines", "releases", "verdicts", "quarantines", "aliases", "tombstones"]) {
      expect(streams).toContain(`uncouple-boot-${kind}`);
    }
    expect(await raw.jsm.consumers.info("uncouple-boot-snapshots", "evaluator")).toMatchObject({ name: "evaluator" });

    const again = await bootstrap("pipeline.yaml", "--replicas", "1", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ pipeline: "boot", applied: false, changes: [] });
    expect(await names()).toEqual(streams);
  } finally {
    await raw.close();
  }
});

test("bootstrap refuses a breaking change unless it is intended", async () => {
  await bootstrap("pipeline.yaml");
  expect(await bootstrap("breaking.yaml")).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("use --breaking"),
  });
  expect(await bootstrap("breaking.yaml", "--breaking")).toMatchObject({ code: 0 });
});

test("bootstrap says what is missing", async () => {
  expect(await cli(["bootstrap", "--pipeline", "pipeline.yaml"], { cwd: dir })).toMatchObject({
    code: 2,
    stderr: "uncouple: no NATS server given; use --nats URL or set NATS_URL\n",
  });
  expect(await bootstrap("nowhere.yaml")).toMatchObject({ code: 3 });
  expect(await bootstrap("pipeline.yaml", "--replicas", "3")).toMatchObject({ code: 5 });
  expect(await bootstrap("pipeline.yaml", "--nats", "nats://127.0.0.1:9")).toMatchObject({ code: 7 });
});

test("bootstrap waits for a server that is not there yet, if it is told to, and says so once", async () => {
  await server.kill();
  expect(await bootstrap("pipeline.yaml")).toMatchObject({ code: 7, stdout: "" });
  const waiting = bootstrap("pipeline.yaml", "--breaking", "--startup-timeout", "10m");
  await sleep(500);
  await server.restart();
  const { code, stderr } = await waiting;
  expect(code).toBe(0);
  expect(stderr).toMatch(/^cannot connect to the NATS server at \S+: .*; waiting up to 600 s\n$/);
});

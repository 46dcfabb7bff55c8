import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cli } from "../../helpers/cli.ts";

const PIPELINE = `pipeline: demo
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-scaffold-"));
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const scaffold = (...args: string[]) =>
  cli(["scaffold", "nats", "--pipeline", "pipeline.yaml", "--out", "out", ...args], { cwd: dir });
const read = (name: string) => readFile(join(dir, "out", name), "utf8");
const there = async () =>
  (await readdir(join(dir, "out"), { recursive: true }).catch(() => [])).toSorted((a, b) => a.localeCompare(b));

test("writes a configuration with public keys only, and a secret for each user that only its owner can read", async () => {
  const { code, stdout } = await scaffold();
  expect(code).toBe(0);
  expect(stdout).toContain("uncouple pipeline apply pipeline.yaml --nats URL --nats-nkey out/keys/operator.nk");
  const users = ["evaluator", "m1", "m2", "operator", "restorer", "system"];
  expect(await there()).toEqual(["accounts.conf", "keys", ...users.map((user) => `keys/${user}.nk`), "nats.conf"]);
  const accounts = await read("accounts.conf");
  expect(accounts).not.toMatch(/\bSU[A-Z2-7]{50,}/);
  for (const user of users) {
    expect(await read(`keys/${user}.nk`)).toMatch(/^SU[A-Z2-7]{56}\n$/);
    expect((await stat(join(dir, `out/keys/${user}.nk`))).mode & 0o777).toBe(0o600);
  }
  expect(await read("nats.conf")).toContain("sync_interval: always");
});

test("an older server gets no setting that it does not know", async () => {
  await scaffold("--nats-version", "2.9.10", "--tls", "/etc/nats/tls");
  const config = await read("nats.conf");
  expect(config).not.toContain("sync_interval");
  expect(config).toContain('tls { cert_file: "/etc/nats/tls/tls.crt", key_file: "/etc/nats/tls/tls.key", timeout: 5 }');
});

test("--force adds a team and keeps all keys", async () => {
  await scaffold("--teams", "first=m1");
  const before = { evaluator: await read("keys/evaluator.nk"), first: await read("keys/first.nk") };
  expect(await scaffold("--teams", "first=m1", "m2")).toMatchObject({
    code: 4,
    stderr: "uncouple: out/nats.conf already exists; use --force to overwrite it\n",
  });
  expect(await there()).not.toContain("keys/m2.nk");
  expect((await scaffold("--teams", "first=m1", "m2", "--force")).code).toBe(0);
  expect({ evaluator: await read("keys/evaluator.nk"), first: await read("keys/first.nk") }).toEqual(before);
  expect(await read("accounts.conf")).toContain("TEAM_M2 {");
});

test("a follower gets a key and an account, which may report what it serves and nothing else", async () => {
  const { stdout } = await scaffold("--followers", "serving", "blue-green");
  expect(stdout).toContain("--follower serving --pipeline demo --nats URL --nats-nkey out/keys/serving.nk");
  expect(await there()).toContain("keys/blue-green.nk");
  const accounts = await read("accounts.conf");
  const [, account = ""] = /\n {2}FOLLOWER_BLUE_GREEN \{\n(.*?)\n {2}\}/s.exec(accounts) ?? [];
  const [, publish = ""] = /publish: \{ allow: \[(.*?)\]/s.exec(account) ?? [];
  const written = [...publish.matchAll(/"([^"]+)"/g)].map(([, subject = ""]) => subject);
  expect(written.filter((subject) => !/^\$JS\.(hub\.)?API\.(INFO$|STREAM\.|DIRECT\.GET\.)/.test(subject))).toEqual([
    "uncouple.demo.releases.served.blue-green",
  ]);
});

test.each([
  ["serving serving", "follower serving is named twice"],
  ["m1", "follower m1 is a name of another user; choose a different one"],
  ["operator", "follower operator is a name of another user; choose a different one"],
  ["a.b", 'follower "a.b": a name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens'],
])("--followers %s is one clear line, and nothing is written", async (name, message) => {
  expect(await scaffold("--followers", ...name.split(" "))).toEqual({
    code: 2,
    stdout: "",
    stderr: `uncouple: ${message}\n`,
  });
  expect(await there()).toEqual([]);
});

test.each([
  ["m3", 3, 'pipeline demo has no component "m3"; available: m1, m2; did you mean "m1"?'],
  ["A=m1", 2, 'team "A": a name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens'],
  ["operator=m1", 2, "team operator is a name of another user; choose a different one"],
  ["a=m1,m2 b=m2", 2, "component m2 has two teams, a and b"],
  ["a=m1 a=m2", 2, "team a is named twice"],
])("--teams %s is one clear line, and nothing is written", async (teams, code, message) => {
  expect(await scaffold("--teams", ...teams.split(" "))).toEqual({
    code,
    stdout: "",
    stderr: `uncouple: ${message}\n`,
  });
  expect(await there()).toEqual([]);
});

test("what cannot be written completely is not written at all", async () => {
  await mkdir(join(dir, "out"));
  await writeFile(join(dir, "out/keys"), "a file where the folder of keys should be");
  const { code, stderr } = await scaffold();
  expect(code).toBe(2);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(await there()).toEqual(["keys"]);
});

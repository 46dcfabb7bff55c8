import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { type ConfiguredNats, configuredNats } from "../helpers/configured-nats.ts";
import { freePort } from "../helpers/free-port.ts";
import { natsServerBinary } from "../helpers/nats-server.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { commonFiles } from "../helpers/wrong-commands/fixtures.ts";

let dir: string;
let nats: ConfiguredNats;
const started: CliProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-startup-"));
  for (const [name, content] of Object.entries(commonFiles)) await writeFile(join(dir, name), content);
  nats = await configuredNats(await natsServerBinary());
});
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
  await nats.remove();
  await rm(dir, { recursive: true, force: true });
});

const uncouple = (...args: string[]): CliProcess => {
  const one = spawnCli(args, { cwd: dir });
  started.push(one);
  return one;
};
const service = (kind: "trainer" | "evaluator", http: number, ...args: string[]): CliProcess => {
  const team = kind === "trainer" ? ["--team", "m1.yaml", "--state", "state"] : [];
  const ports = ["--port", "0", "--metrics-port", String(http)];
  return uncouple(kind, "--pipeline", "pipeline.yaml", "--nats", nats.url, ...team, ...ports, ...args);
};
/** Status and text of a probe; 0 while nothing listens. */
const probe = async (http: number, path: string): Promise<{ status: number; text: string }> => {
  try {
    const response = await fetch(`http://127.0.0.1:${http}/${path}`);
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "" };
  }
};

test("services that start before NATS are alive and not ready, say so once, and become ready", async () => {
  const ports = [await freePort(), await freePort()] as const;
  const services = [service("evaluator", ports[0]), service("trainer", ports[1], "--startup-timeout", "0")];
  for (const port of ports) {
    const waits = `backplane: cannot connect to the NATS server at ${nats.url}: `;
    await expect.poll(async () => (await probe(port, "readyz")).text, { timeout: 30_000 }).toContain(waits);
    expect(await probe(port, "livez")).toMatchObject({ status: 200 });
    expect(await probe(port, "readyz")).toMatchObject({ status: 503 });
  }
  await systemClock.sleep(1_500);
  await nats.start("");
  for (const port of ports) {
    await expect.poll(async () => (await probe(port, "readyz")).status, { timeout: 30_000 }).toBe(200);
  }
  for (const { child, ended, stdout } of services) {
    expect(stdout().match(/waiting (up to 600 s|until it is there)/g)).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  }
});

test("a service gives up after --startup-timeout, and at once for bad credentials; a command does not wait", async () => {
  const nkey = join(dir, "user.nk");
  await writeFile(nkey, new TextDecoder().decode(nkeys.createUser().getSeed()));
  const late = service("evaluator", 0, "--startup-timeout", "1s");
  const command = uncouple("snapshots", "--nats", nats.url, "--pipeline", "paper");
  expect(await command.ended).toBe(7);
  expect(await late.ended).toBe(7);
  await nats.start(`authorization { users: [ { nkey: ${nkeys.createUser().getPublicKey()} } ] }`);
  const refused = service("evaluator", 0, "--startup-timeout", "0", "--nats-nkey", "user.nk");
  expect(await refused.ended).toBe(12);
  expect(refused.stderr()).toBe(`uncouple: the NATS server at ${nats.url} refuses --nats-nkey ${nkey}\n`);
});

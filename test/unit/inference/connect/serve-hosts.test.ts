import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../../../services/common/clock/clock.ts";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { createInference } from "../../../../services/inference/client/create-inference.ts";
import type { HostConnector } from "../../../../services/inference/connect/host-connector.ts";
import { type HostServer, serveHosts } from "../../../../services/inference/connect/serve-hosts.ts";
import { socketHosts } from "../../../../services/inference/connect/socket-hosts.ts";
import { modelOfBytes } from "../../../../services/inference/hosted-model.ts";
import { oneToOne } from "../../../helpers/expensive-models.ts";

let folder: string;
let path: string;
let server: HostServer;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uncouple-serve-"));
  path = join(folder, "host.sock");
  children = [];
});
afterEach(() => rm(folder, { recursive: true }));

/** Hosts that are any program. */
const programs = (command: string): HostConnector => ({
  async connect() {
    const child = spawn("/bin/sh", ["-c", command], { stdio: ["pipe", "pipe", "ignore"] });
    children.push(child);
    child.stdin.on("error", () => {});
    const ended = new Promise<{ death: "crash"; detail: string }>((resolve) => {
      child.once("close", () => resolve({ death: "crash", detail: "gone" }));
    });
    return { input: child.stdin, output: child.stdout, ended, kill: () => void child.kill("SIGKILL") };
  },
});

async function serve(command: string, maxHosts = 8, clock: Clock = systemClock): Promise<void> {
  server = await serveHosts({
    path,
    connector: programs(command),
    maxHosts,
    clock,
    onFailure(error) {
      throw error;
    },
  });
}

async function connected(): Promise<Socket> {
  const client = connect({ path });
  client.on("error", () => {});
  await once(client, "connect");
  return client;
}

const exited = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

async function firstHost(): Promise<ChildProcess> {
  for (;;) {
    const [child] = children;
    if (child !== undefined) return child;
    await systemClock.sleep(5);
  }
}

test("a server closes although a host still has much to say to a client that has left", async () => {
  await serve("exec cat /dev/zero");
  const client = await connected();
  await once(client, "data");
  client.destroy();
  await exited(await firstHost());
  await server.close();
});

test("a server closes although clients keep the connections of hosts that are gone", async () => {
  await serve("exit 3");
  const client = await connected();
  client.pause();
  await exited(await firstHost());
  await systemClock.sleep(50);
  await server.close();
  client.destroy();
});

test("a connection ends on both sides when its host is gone", async () => {
  const connections = () => process.getActiveResourcesInfo().filter((kind) => kind === "PipeWrap").length;
  await serve("exit 3");
  const before = connections();
  const client = await connected();
  client.resume();
  await once(client, "close");
  await expect.poll(connections).toBe(before);
  await server.close();
});

test("a host that reads nothing is killed when its client leaves", async () => {
  await serve("exec sleep 1000");
  const client = await connected();
  const host = await firstHost();
  // More than pipes and sockets hold.
  client.write(Buffer.alloc(4 * 1024 ** 2));
  await systemClock.sleep(100);
  client.destroy();
  await exited(host);
  await server.close();
});

test("beyond the most hosts, a client waits for one to end, and is refused as unavailable after a while", async () => {
  const clock = createVirtualClock();
  await serve("exec cat", 1, clock);
  const first = await connected();
  const host = await firstHost();
  const refused = createInference(
    { hosts: 1, timeoutSeconds: 60, memoryBytes: 1e9 },
    { connector: socketHosts(path), clock: systemClock },
  );
  const model = modelOfBytes("m", new Uint8Array(1), oneToOne);
  const run = refused.run({ rows: 0, stages: [{ model, inputs: {} }], wanted: [], keep: false });
  const outcome = run.catch((thrown: unknown) => thrown);
  const waiting = await connected();
  // A probe of the first, and what will refuse the two that wait.
  await expect.poll(() => clock.pending).toBe(3);
  await clock.advance(5000);
  expect(await outcome).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("maximum of 1 hosts; raise --max-hosts"),
  });
  await refused.close();
  await once(waiting.resume(), "close");

  const next = await connected();
  first.destroy();
  await exited(host);
  next.write("x");
  expect((await once(next, "data"))[0].toString()).toContain("x");
  expect(children).toHaveLength(2);
  next.destroy();
  await server.close();
});

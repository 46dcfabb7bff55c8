import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../../services/registry/jetstream/backplane.ts";
import { draft, model } from "../../helpers/drafts.ts";
import { startTestNats, type TestNats } from "../../helpers/nats-server.ts";
import { connectRaw } from "../../helpers/raw-nats.ts";

const client = join(import.meta.dirname, "../../helpers/registry-client.ts");
const never = new AbortController().signal;
let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.stop());

/** A process that has begun, and everything it says. */
async function victim(what: string, pipeline: string): Promise<{ process: ChildProcess; said: () => string }> {
  const child = spawn(process.execPath, ["--import", "tsx", client, what, server.url, pipeline], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (data) => {
    said += String(data);
  });
  await once(child.stdout, "data");
  return { process: child, said: () => said };
}
const kill = async (child: ChildProcess) => {
  child.kill("SIGKILL");
  await once(child, "exit");
};
const open = (pipeline: string) =>
  connectJetStream({ clock: systemClock, url: server.url, pipeline, name: "test", maxStoreBytes: 512 * 1024 ** 2 });

test.concurrent("a publisher that is killed half-way leaves nothing visible, and its bytes can be swept away", async () => {
  const pipeline = "deaths-publish";
  const backplane = await open(pipeline);
  const raw = await connectRaw(server.url);
  const chunks = () => raw.count(`OBJ_uncouple-${pipeline}-models`, "$O.*.C.>");
  const { process: publisher, said } = await victim("publish", pipeline);
  while ((await chunks()) < 8) await new Promise((resolve) => setTimeout(resolve, 1));
  await kill(publisher);
  expect(said()).not.toContain("published");
  expect(await backplane.registry.list()).toEqual([]);
  expect(await raw.count(`OBJ_uncouple-${pipeline}-models`, "$O.*.M.>")).toBe(0);
  const next = await backplane.registry.publish(draft({ pipeline }), model(1), null);
  expect(next.serial).toBe(1);
  expect(await backplane.sweepOrphans(0)).toHaveLength(1);
  expect(await chunks()).toBe(1);
  expect(Buffer.compare(await backplane.registry.bytes(next), model(1))).toBe(0);
  await raw.close();
  await backplane.close();
});

test.concurrent("an item whose worker is killed goes to another worker", async () => {
  const pipeline = "deaths-work";
  const backplane = await open(pipeline);
  await backplane.registry.publish(draft({ pipeline }), model(1), null);
  const { process: worker } = await victim("work", pipeline);
  await kill(worker);
  expect(await backplane.workQueue("evaluators").pending()).toBe(1);
  for await (const item of backplane.workQueue("evaluators").items(never)) {
    expect(item.announcement.manifest.serial).toBe(1);
    expect(item.delivery).toBe(2);
    await item.done();
    break;
  }
  expect(await backplane.workQueue("evaluators").pending()).toBe(0);
  await backplane.close();
});

test.concurrent("an item stays with its worker for as long as that lives", async () => {
  const pipeline = "deaths-slow";
  const [slow, idle] = await Promise.all([open(pipeline), open(pipeline)]);
  await slow.registry.publish(draft({ pipeline }), model(1), null);
  const stop = new AbortController();
  for await (const item of slow.workQueue("evaluators").items(never)) {
    const others: number[] = [];
    const watching = (async () => {
      for await (const other of idle.workQueue("evaluators").items(stop.signal)) others.push(other.delivery);
    })();
    // Longer than a silent worker may be.
    await new Promise((resolve) => setTimeout(resolve, 13_000));
    await item.done();
    stop.abort();
    await watching;
    expect(others).toEqual([]);
    break;
  }
  expect(await idle.workQueue("evaluators").pending()).toBe(0);
  await Promise.all([slow.close(), idle.close()]);
});

test.concurrent("a lease whose holder is killed goes to whoever waits; one whose holder lives does not", async () => {
  const pipeline = "deaths-lease";
  const backplane = await open(pipeline);
  const { process: holder } = await victim("hold", pipeline);
  // Longer than a dead holder keeps it.
  const impatient = AbortSignal.timeout(12_000);
  await expect(backplane.leases.acquire("training", "ann", impatient)).rejects.toMatchObject({ code: "cancelled" });
  expect(await backplane.leases.holder("training")).toBe("victim");
  await kill(holder);
  const lease = await backplane.leases.acquire("training", "ann", never);
  expect(await backplane.leases.holder("training")).toBe("ann");
  await lease.release();
  await backplane.close();
});

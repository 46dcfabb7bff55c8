import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { UnitResult } from "../../services/learning/units/unit.ts";
import { type FakeCoordinator, fakeCoordinator } from "../helpers/fake-coordinator.ts";
import { freePort } from "../helpers/free-port.ts";
import { serveCoordinator } from "../helpers/serve-coordinator.ts";
import { type CliProcess, spawnCli } from "../helpers/spawn-cli.ts";
import { runHere, type ShippedJob, tinyJob } from "../helpers/tiny-job.ts";

const soon = { timeout: 30_000, interval: 10 };
/** Computes for half a second or more. */
const LONG = { slot: 0, first: 0, count: 150_000 };

let job: ShippedJob;
let end: UnitResult;

beforeAll(async () => {
  job = await tinyJob({ steps: LONG.count });
  end = await runHere(job, LONG, job.initial);
});

/** The command of the build, as a process. */
function spawnWorker(port: number, ...args: string[]): CliProcess {
  const worker = spawnCli(["worker", "--trainer", `127.0.0.1:${port}`, "--threads", "1", ...args]);
  onTestFinished(async () => {
    worker.child.kill("SIGKILL");
    await worker.ended;
  });
  return worker;
}

async function computing(fake: FakeCoordinator, lease: number): Promise<void> {
  const bytes = [...job.blobs, job.initial].reduce((sum, blob) => sum + blob.bytes.byteLength, 0);
  await vi.waitFor(() => expect(fake.leases[lease]?.work.at(-1) ?? 0).toBeGreaterThan(bytes), soon);
}

test("on SIGTERM, a worker finishes its unit and exits with 0", async () => {
  const fake = fakeCoordinator();
  const { port } = await serveCoordinator(fake);
  const worker = spawnWorker(port, "--name", "n1", "--engine", "wasm", "--pipeline", "paper", "--component", "m1");
  const offered = fake.offer(job, LONG);
  await computing(fake, 0);
  worker.child.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
  expect((await offered).result.outcome).toMatchObject({ digest: end.state.digest });
  expect(fake.joins).toEqual([
    expect.objectContaining({
      name: "n1",
      pid: worker.child.pid,
      pipeline: "paper",
      component: "m1",
      engines: [{ engine: "wasm", numerics: "wasm" }],
      parallel: 1,
    }),
  ]);
});

test("after a SIGKILL, another worker gives the same bits", async () => {
  const fake = fakeCoordinator();
  const { port } = await serveCoordinator(fake);
  const killed = spawnWorker(port);
  const offered = fake.offer(job, LONG);
  await computing(fake, 0);
  killed.child.kill("SIGKILL");
  spawnWorker(port);
  const { bytes, result } = await offered;
  expect(result).toMatchObject({ worker: "w2", outcome: { digest: end.state.digest, losses: end.losses } });
  expect(bytes.equals(end.state.bytes)).toBe(true);
});

test("a worker that is refused for good says why and exits with 5", async () => {
  const fake = fakeCoordinator({ refuse: () => ({ refusal: "component", reason: "this trainer trains m1, not m9" }) });
  const { port } = await serveCoordinator(fake);
  const worker = spawnWorker(port, "--component", "m9");
  expect(await worker.ended).toBe(5);
  expect(worker.stderr()).toBe(
    `uncouple: the trainer at 127.0.0.1:${port} refuses this worker: this trainer trains m1, not m9\n`,
  );
});

test("a worker waits for its trainer, and finds it again after a restart on the same port", async () => {
  const port = await freePort();
  const worker = spawnWorker(port);
  await worker.seen(/not connected to the trainer: cannot reach/);
  for (const _ of ["first", "second"]) {
    const fake = fakeCoordinator({ pollMs: 60_000 });
    const { server } = await serveCoordinator(fake, { port });
    expect((await fake.offer(job, { ...LONG, count: 10 })).result.lease).toBe("l1");
    await server.stop(0);
  }
  worker.child.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
});

import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { fakeCoordinator } from "../helpers/fake-coordinator.ts";
import { serveCoordinator } from "../helpers/serve-coordinator.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { runHere, tinyJob } from "../helpers/tiny-job.ts";

const MEBIBYTE = 2 ** 20;
/** Columns of 252 MiB: the limit leaves an eighth of 512 MiB for them. */
const ROWS = 2_000_000;
const WIDTHS = [32, 8, 1];

/** Most memory that a process had so far, in bytes. */
async function peakBytes(pid: number): Promise<number> {
  const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return 1024 * Number(kibibytes);
}

test.runIf(process.platform === "linux")(
  "a worker process stays within its memory limit on columns beyond it, and gives the same bits",
  async () => {
    const fake = fakeCoordinator({ silenceMs: 5_000 });
    const { port } = await serveCoordinator(fake);
    const args = ["worker", "--trainer", `127.0.0.1:${port}`, "--engine", "wasm", "--threads", "1"];
    const worker = spawnCli([...args, "--memory-limit", "512MiB"], {});
    onTestFinished(async () => {
      worker.child.kill("SIGKILL");
      await worker.ended;
    });
    const job = await tinyJob({ widths: WIDTHS, rows: ROWS, steps: 10_000 });
    for (const unit of [
      { slot: 0, first: 0, count: 2000 },
      { slot: 1, first: 0, count: 2000 },
    ]) {
      const { result } = await fake.offer(job, unit);
      const { state, losses } = await runHere(job, unit, job.initial);
      expect(result.outcome).toMatchObject({ digest: state.digest, losses });
    }
    const peak = await peakBytes(worker.child.pid as number);
    console.log(`the worker peaked at ${Math.round(peak / MEBIBYTE)} MiB`);
    expect(peak).toBeLessThan(512 * MEBIBYTE);
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
  },
  600_000,
);

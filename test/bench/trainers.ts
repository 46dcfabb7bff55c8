import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { startTestNats } from "../helpers/nats-server.ts";

/**
 * Prints what a trainer process that hosts 1, 16 or 100 components at rest needs: seconds until all are ready, and resident
 * memory. The components have the data of the paper. `--json` prints the rows as JSON; numbers as arguments replace the counts.
 */

interface Measured {
  readonly components: number;
  /** From the start of the process until all components are ready. */
  readonly readySeconds: number;
  /** Resident memory, and the part of it that no other process shares. */
  readonly residentMb: number;
  readonly privateMb: number;
  /** Resident memory beyond that of one component, for each further one. */
  readonly furtherMb: number | null;
}

/** After the start, garbage is collected and memory returned. */
const REST_MS = 5_000;
const main = join(import.meta.dirname, "../../dist/services/cli/main.js");

async function measure(natsUrl: string, count: number, base: Measured | undefined): Promise<Measured> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-bench-trainers-"));
  const names = Array.from({ length: count }, (_, index) => `m${index + 1}`);
  const pipeline = join(dir, "pipeline.yaml");
  const components = names.map(
    (name) =>
      `  ${name}: { columns: [x1], output: { name: z-${name}, width: 3, meaning: real }, target: z, loss: mse }`,
  );
  await writeFile(
    pipeline,
    [
      `pipeline: trainers-${count}`,
      "data: { source: synthetic, generator: two-stage, seed: 0, rows: 12500, test_fraction: 0.2 }",
      `objective: m1`,
      "components:",
      ...components,
      "",
    ].join("\n"),
  );
  const teams = names.map((name) => ({ name, path: join(dir, `${name}.yaml`) }));
  for (const { name, path } of teams) await writeFile(path, `component: ${name}\nmodel: { hidden: [64] }\n`);
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...[main, "trainer", "--pipeline", pipeline, "--nats", natsUrl, "--state", join(dir, "state")],
      ...["--port", "0", "--metrics-port", "0"],
      ...teams.flatMap(({ path }) => ["--team", path]),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    await ready(child);
    const readySeconds = (performance.now() - began) / 1000;
    await sleep(REST_MS);
    const { residentMb, privateMb } = await memoryOf(child.pid ?? 0);
    const furtherMb = base === undefined ? null : (residentMb - base.residentMb) / (count - base.components);
    return { components: count, readySeconds, residentMb, privateMb, furtherMb };
  } finally {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("close", resolve));
    await rm(dir, { recursive: true, force: true });
  }
}

/** The last line that a trainer logs at its start has its addresses. */
async function ready(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error("the trainer has no output");
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (line.includes('"grpc":')) {
      child.stdout.resume();
      return;
    }
  }
  throw new Error(`the trainer ended before it was ready: ${last}`);
}

async function memoryOf(pid: number): Promise<{ readonly residentMb: number; readonly privateMb: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
  return { residentMb: of("Rss"), privateMb: of("Private_Clean") + of("Private_Dirty") };
}

const counts = process.argv.slice(2).filter((argument) => /^\d+$/.test(argument));
const nats = await startTestNats();
const rows: Measured[] = [];
try {
  for (const count of counts.length === 0 ? [1, 16, 100] : counts.map(Number)) {
    rows.push(await measure(nats.url, count, rows[0]));
  }
} finally {
  await nats.stop();
}
if (process.argv.includes("--json")) console.log(JSON.stringify(rows));
else {
  console.log("components  ready [s]  resident [MiB]  private [MiB]  each further one [MiB]");
  for (const { components, readySeconds, residentMb, privateMb, furtherMb } of rows) {
    const cells = [readySeconds.toFixed(1), residentMb.toFixed(0), privateMb.toFixed(0), furtherMb?.toFixed(2) ?? "-"];
    const [seconds, resident, own, further] = cells as [string, string, string, string];
    console.log(
      `${String(components).padStart(10)}  ${seconds.padStart(9)}  ${resident.padStart(14)}  ${own.padStart(13)}  ${further.padStart(22)}`,
    );
  }
}

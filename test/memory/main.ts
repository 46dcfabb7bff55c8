/**
 * Proves that a trainer and an evaluator stay under `--memory-limit`, whatever the size of the data: generates rows of 20
 * columns, trains two components on them, the second on the predictions of the first, and has them judged, each service in a
 * cgroup that has no more memory than the limit, page cache included.
 *
 *     npm run test:memory [-- --rows 20000000 --limit 768MiB --steps 40000 --held-out 0.1]
 *
 * Needs root, a memory cgroup, and disk space of about 500 bytes a row.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { connectTrainer } from "../../services/rpc/client/trainer-client.ts";
import { startTestNats } from "../helpers/nats-server.ts";
import { createMemoryGroup, type MemoryGroup } from "./cgroup.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "20000000" },
    limit: { type: "string", default: "768MiB" },
    steps: { type: "string", default: "40000" },
    "held-out": { type: "string", default: "0.1" },
  },
});
const rows = Number(values.rows);
const steps = Number(values.steps);
const limit = Number(/^(\d+)MiB$/.exec(values.limit)?.[1]) * 2 ** 20;
const BYTES_A_ROW = 500;
const HELD_OUT = Number(values["held-out"]);
const MEBIBYTE = 2 ** 20;
const main = join(import.meta.dirname, "../../dist/services/cli/main.js");

const began = systemClock.elapsed();
const say = (text: string) =>
  console.log(`${((systemClock.elapsed() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`);

/** A service in a group of its own. */
interface Watched {
  readonly name: string;
  readonly group: MemoryGroup;
  readonly child: ChildProcess;
  readonly grpc: string;
  mostAnonymous: number;
}

async function generate(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "2GB" });
  const connection = await instance.connect();
  const columns = Array.from({ length: 20 }, (_, k) => `CAST(round(random() * 2 - 1, 3) AS FLOAT) AS x${k}`);
  await connection.run(
    `COPY (SELECT *, CAST(x0 * x1 + x2 + 0.1 * random() AS FLOAT) AS z,
      CAST(x10 * (x0 * x1 + x2) + x11 + 0.1 * random() AS FLOAT) AS y
      FROM (SELECT range AS id, ${columns.join(", ")} FROM range(${Math.ceil(rows / (1 - HELD_OUT))})))
     TO '${path}' (FORMAT parquet)`,
  );
  connection.disconnectSync();
  instance.closeSync();
}

const PIPELINE = `
pipeline: memory
data: { source: file, path: rows.parquet, key: id, test_fraction: ${HELD_OUT} }
objective: down
components:
  up:
    columns: [${Array.from({ length: 10 }, (_, k) => `x${k}`).join(", ")}]
    output: { name: zhat, width: 1, meaning: real }
    target: z
    loss: mse
  down:
    columns: [${Array.from({ length: 19 }, (_, k) => `x${k + 1}`).join(", ")}]
    upstream: [up]
    output: { name: yhat, width: 1, meaning: scalar }
    target: y
    loss: mse
`;

async function start(name: string, args: readonly string[], natsUrl: string): Promise<Watched> {
  const group = await createMemoryGroup(`uncouple-test-memory-${services.length}-${process.pid}`, limit);
  const [program, ...before] = group.launcher as [string, ...string[]];
  const child = spawn(program, [...before, process.execPath, main, name, ...args, "--memory-limit", values.limit], {
    env: { ...process.env, NATS_URL: natsUrl },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const grpc = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (bytes: Buffer) => {
      output += bytes.toString();
      for (let end = output.indexOf("\n"); end >= 0; end = output.indexOf("\n")) {
        const line = JSON.parse(output.slice(0, end)) as { message: string; grpc?: string };
        output = output.slice(end + 1);
        say(`${name}: ${line.message}`);
        if (line.grpc !== undefined) resolve(line.grpc);
      }
    });
    child.once("exit", (code, signal) => reject(new Error(`the ${name} ended with ${code ?? signal}`)));
  });
  return { name, group, child, grpc, mostAnonymous: 0 };
}

async function train(component: string, address: string): Promise<void> {
  const client = connectTrainer(address, { clock: systemClock });
  const { id } = await client.startRun({});
  const from = systemClock.elapsed();
  let shown = 0;
  for await (const run of client.watchRun(id, new AbortController().signal)) {
    if (run.state === "failed") throw new Error(`the run of ${component} failed: ${run.error?.message}`);
    const seconds = (systemClock.elapsed() - from) / 1000;
    if (seconds - shown < 10 && run.state !== "succeeded") continue;
    shown = seconds;
    const rate = run.stepsPerSecond === null ? "" : `, ${run.stepsPerSecond.toFixed(0)} steps/s`;
    say(`${component}: ${run.state} at step ${run.step} of ${run.steps}, loss ${run.loss?.toFixed(4)}${rate}`);
  }
  client.close();
}

async function stop({ child, group }: Watched): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
  }
  await group.remove();
}

const folder = await mkdtemp(join(tmpdir(), "uncouple-test-memory-"));
const { bavail, bsize } = await statfs(folder);
if (bavail * bsize < rows * BYTES_A_ROW) throw new Error(`${folder} has too little space for ${rows} rows`);
const nats = await startTestNats();
const services: Watched[] = [];
const watching = new AbortController();
const watched = (async () => {
  while (!watching.signal.aborted) {
    for (const service of services) {
      service.mostAnonymous = Math.max(service.mostAnonymous, await service.group.anonymous());
    }
    await sleep(100);
  }
})();
try {
  say(`generating ${rows} training rows, and ${Math.round((rows * HELD_OUT) / (1 - HELD_OUT))} held-out ones`);
  await generate(join(folder, "rows.parquet"));
  const pipeline = join(folder, "pipeline.yaml");
  await writeFile(pipeline, PIPELINE);
  const team = async (component: string, text: string) => {
    const path = join(folder, `${component}.yaml`);
    await writeFile(path, `component: ${component}\n${text}`);
    return ["--team", path];
  };
  const common = ["--pipeline", pipeline, "--port", "0", "--metrics-port", "0"];
  const backplane = await connectJetStream({ clock: systemClock, url: nats.url, pipeline: "memory", name: "test" });
  const evaluator = await start("evaluator", common, nats.url);
  services.push(evaluator);
  const teams = {
    up: `model: { hidden: [64] }\nbatch: 256\nsteps: 2000\n`,
    down: `model: { hidden: [64, 64] }\nbatch: 256\nsteps: ${steps}\n`,
  };
  for (const [component, text] of Object.entries(teams)) {
    const state = ["--state", join(folder, `state-${component}`)];
    const trainer = await start("trainer", [...common, ...state, ...(await team(component, text))], nats.url);
    services.push(trainer);
    await train(component, trainer.grpc);
    trainer.child.kill("SIGTERM");
  }
  for await (const { value } of backplane.verdicts.watch(0, AbortSignal.timeout(600_000))) {
    say(`verdict on ${value.component}@${value.serial}`);
    if (value.component === "down") break;
  }
  await backplane.close();
  let failed = false;
  for (const { name, group, mostAnonymous } of services) {
    const [peak, kills] = [await group.peak(), await group.kills()];
    const inMebibytes = (bytes: number) => `${(bytes / MEBIBYTE).toFixed(0)} MiB`;
    say(
      `${name}: at most ${inMebibytes(mostAnonymous)} without page cache, ${inMebibytes(peak)} with it, of ${values.limit}; ${kills} processes killed`,
    );
    failed ||= kills > 0 || peak > limit;
  }
  if (failed) throw new Error("the limit was exceeded");
  say("passed");
} finally {
  watching.abort();
  await watched;
  for (const service of services) await stop(service);
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
}

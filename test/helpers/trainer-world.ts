import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { processTableOf } from "../../services/common/files/folder-lock.ts";
import type { Run } from "../../services/pipeline/run.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { connectTrainer, type RemoteTrainer } from "../../services/rpc/client/trainer-client.ts";
import { connectTuning, type RemoteTuning } from "../../services/rpc/client/tuning-client.ts";
import type { Logger } from "../../services/runtime/logs.ts";
import type { Tracer } from "../../services/runtime/tracing/tracer.ts";
import { type RunningTrainer, type RunTrainerOptions, runTrainer } from "../../services/trainer/run-trainer.ts";
import { verdict } from "./drafts.ts";
import { testHosts } from "./hosts.ts";
import { silentLog } from "./log.ts";

/** A trainer with a client. */
export interface TrainerOfTest extends RunningTrainer {
  readonly client: RemoteTrainer;
  readonly tuning: RemoteTuning;
}

/** A trainer in a separate process, with a client. */
export interface TrainerProcess {
  readonly client: RemoteTrainer;
  /** host:port */
  readonly grpc: string;
  readonly tuning: RemoteTuning;
  readonly httpPort: number;
  readonly process: ChildProcess;
  /** Everything it has printed. */
  output(): string;
  /** Resolves when it has exited, for whatever reason. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Sends a signal and waits for the exit. */
  end(signal: NodeJS.Signals): TrainerProcess["exited"];
}

/** A pipeline of its own on a NATS server, with its team files and trainers. */
export interface TrainerWorld {
  readonly dir: string;
  readonly pipelineFile: string;
  readonly backplane: Backplane;
  /** Writes a team file; `text` is what follows `component:`. @returns its path */
  team(component: string, text?: string): Promise<string>;
  /** Starts a trainer in this process. */
  trainer(
    component: string,
    change?: Partial<RunTrainerOptions> & { readonly team?: string; readonly log?: Logger; readonly tracer?: Tracer },
  ): Promise<TrainerOfTest>;
  /**
   * Starts a trainer in a separate process, from the build.
   * @param change port: of gRPC; default: any free one; teamFiles: of all its components, which then train side by side
   */
  spawn(
    component: string,
    change?: {
      readonly team?: string;
      readonly teamFiles?: readonly string[];
      readonly stateDir?: string;
      readonly port?: number;
    },
  ): Promise<TrainerProcess>;
  close(): Promise<void>;
}

export const twoStageComponents = `
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;
export const twoStageData = "{ source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }";
/** Trains in well under a second. */
export const quickTeam = "{ model: { hidden: [8] }, batch: 32, steps: 60, engine: onnx:cpu }";

const root = join(import.meta.dirname, "../..");

/** @param judged whether each snapshot gets a verdict at once, as an evaluator's; false where a test has evaluators */
export async function openTrainerWorld(
  natsUrl: string,
  name: string,
  { data = twoStageData, components = twoStageComponents, judged = true } = {},
): Promise<TrainerWorld> {
  const dir = await mkdtemp(join(tmpdir(), "uncouple-trainer-"));
  const pipelineFile = join(dir, "pipeline.yaml");
  await writeFile(pipelineFile, `pipeline: ${name}\ndata: ${data}\ncomponents:${components}`);
  const connect = (as: string) =>
    connectJetStream({ clock: systemClock, url: natsUrl, pipeline: name, name: as, maxStoreBytes: 256 * 1024 ** 2 });
  const backplane = await connect("test");
  const leaving = new AbortController();
  const judging = judged ? judgeEverything(backplane, leaving.signal) : undefined;
  const closing: (() => Promise<unknown>)[] = [];
  let teams = 0;

  const team = async (component: string, text = quickTeam) => {
    const folder = join(dir, `team-${++teams}`);
    await mkdir(folder);
    const path = join(folder, "team.yaml");
    // A flow mapping, so that a test can give its team in one line.
    await writeFile(path, `{ component: ${component}, ${text.trim().replace(/^\{/, "")}`);
    return path;
  };

  return {
    dir,
    pipelineFile,
    backplane,
    team,
    async trainer(component, { team: text, log = silentLog, tracer, ...change } = {}) {
      const running = await runTrainer(
        {
          pipelineFile,
          teamFiles: [await team(component, text)],
          stateDir: join(dir, "state"),
          host: "127.0.0.1",
          grpcPort: 0,
          httpPort: 0,
          ...change,
        },
        {
          connect: () => connect(component),
          processes: processTableOf(process, hostname()),
          hostProcess: process,
          hosts: testHosts,
          tracer,
          clock: systemClock,
          log,
        },
      );
      const client = connectTrainer(`127.0.0.1:${running.grpcPort}`, { clock: systemClock });
      const tuning = connectTuning(`127.0.0.1:${running.grpcPort}`, { clock: systemClock });
      closing.push(async () => {
        client.close();
        tuning.close();
        if (running.lifecycle.state() !== "FAILED") await running.stop();
      });
      return { ...running, client, tuning };
    },
    async spawn(component, { team: text, teamFiles, stateDir = join(dir, "state"), port = 0 } = {}) {
      const files = teamFiles ?? [await team(component, text)];
      const child = spawn(
        process.execPath,
        [
          ...[join(root, "dist/services/cli/main.js"), "trainer"],
          ...["--pipeline", pipelineFile],
          ...files.flatMap((file) => ["--team", file]),
          ...["--parallel", String(files.length)],
          ...["--nats", natsUrl],
          ...["--state", stateDir, "--checkpoint-seconds", "0.05"],
          ...["--port", String(port), "--metrics-port", "0"],
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      let output = "";
      const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
        child.on("close", (code, signal) => resolve({ code, signal }));
      });
      const addresses = await new Promise<{ grpc: string; http: string }>((resolve, reject) => {
        const read = (bytes: Buffer) => {
          output += bytes.toString();
          const line = output.split("\n").find((text) => text.includes('"grpc":'));
          if (line?.endsWith("}")) resolve(JSON.parse(line) as { grpc: string; http: string });
        };
        child.stdout.on("data", read);
        child.stderr.on("data", read);
        child.on("close", () => reject(new Error(`the trainer exited before it was ready:\n${output}`)));
      });
      const client = connectTrainer(addresses.grpc, { clock: systemClock });
      const tuning = connectTuning(addresses.grpc, { clock: systemClock });
      const end = async (signal: NodeJS.Signals) => {
        client.close();
        tuning.close();
        child.kill(signal);
        return exited;
      };
      closing.push(() => end("SIGKILL"));
      return {
        client,
        grpc: addresses.grpc,
        tuning,
        httpPort: Number(addresses.http.split(":").at(-1)),
        process: child,
        output: () => output,
        exited,
        end,
      };
    },
    async close() {
      await Promise.all(closing.map((close) => close()));
      leaving.abort();
      await judging;
      await backplane.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function judgeEverything({ registry, verdicts }: Backplane, signal: AbortSignal): Promise<void> {
  for await (const { manifest } of registry.watch(0, signal)) {
    const { pipeline, component, serial } = manifest;
    await verdicts.append(verdict(component, serial, { pipeline }));
  }
}

const never = new AbortController().signal;

/** Waits for the run to end. @returns its final state */
export async function endOf(client: Pick<RemoteTrainer, "watchRun">, id: string): Promise<Run> {
  let last: Run | undefined;
  for await (const run of client.watchRun(id, never)) last = run;
  if (last === undefined) throw new Error(`no state of run ${id} was received`);
  return last;
}

/** Waits for the first state of the run that satisfies a condition. */
export async function runThat(
  client: Pick<RemoteTrainer, "watchRun">,
  id: string,
  holds: (run: Run) => boolean,
): Promise<Run> {
  const leaving = new AbortController();
  for await (const run of client.watchRun(id, leaving.signal)) {
    if (!holds(run)) continue;
    leaving.abort();
    return run;
  }
  throw new Error(`run ${id} ended without satisfying the condition`);
}

/** Units that workers ran for a trainer, by its metrics. */
export async function unitsOfWorkers({ httpPort }: TrainerProcess): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const counts = [...text.matchAll(/^uncouple_worker_unit_seconds_count\{[^}]*by="worker"[^}]*\} (\d+)/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

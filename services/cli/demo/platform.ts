import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { EvaluatorService } from "../../rpc/services/evaluator-service.ts";
import type { TrainerService } from "../../rpc/services/trainer-service.ts";
import type { StackFiles } from "../connect/configuration.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { connectClients } from "../stack/connect-clients.ts";
import type { NatsFound } from "../stack/nats.ts";
import { startStack } from "../stack/start-stack.ts";

/** The services that the demo uses, wherever they run. */
export interface Platform {
  readonly kind: "jetstream" | "memory";
  /** What runs where, as a sentence for people. */
  readonly description: string;
  /** @throws UncoupleError `not-found` for a component without a trainer */
  trainer(component: string): TrainerService;
  /** Where the trainers are, by component. */
  readonly addresses: Readonly<Record<string, TrainerAddresses>>;
  readonly evaluator: EvaluatorService;
  readonly backplane: Backplane;
  /** Rejects when a service keeps crashing. */
  readonly failed: Promise<never>;
  /** Stops every service. Idempotent. */
  close(): Promise<void>;
}

export interface TrainerAddresses {
  /** host:port */
  readonly grpc: string;
  /** URL of `/metrics`. */
  readonly metrics: string;
}

export interface PlatformOptions {
  readonly files: StackFiles;
  /** Folder for the store, the state and the logs. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEvent: (line: string) => void;
}

/** Runs trainers and evaluator in separate processes, over a real NATS server. */
export async function processPlatform(options: PlatformOptions, nats: NatsFound): Promise<Platform> {
  const running = await startStack({ ...options, nats });
  try {
    const { stack } = running;
    const clients = await connectClients(stack.trainers, stack.evaluator, options.clock);
    const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
    const backplane = await connectJetStream({
      ...parseNatsAddress(stack.natsUrl),
      pipeline: stack.pipeline,
      clock: options.clock,
      name: "uncouple demo",
    });
    const teams = Object.keys(stack.trainers).map((name) => `trainer ${name}`);
    return {
      kind: "jetstream",
      description: `${teams.join(", ")} and the evaluator run in separate processes, connected by NATS JetStream`,
      ...clients,
      addresses: Object.fromEntries(
        Object.entries(stack.trainers).map(([name, grpc]) => [
          name,
          { grpc, metrics: stack.metrics[`trainer ${name}`] ?? "" },
        ]),
      ),
      backplane,
      failed: running.failed,
      close: once(async () => {
        clients.close();
        await backplane.close();
        await running.stop();
      }),
    };
  } catch (thrown) {
    await running.stop();
    throw thrown;
  }
}

/** Runs the same services in this process, over the memory backplane, for machines without a NATS server. */
export async function memoryPlatform(options: PlatformOptions): Promise<Platform> {
  const { files, dir, clock } = options;
  const { createMemoryBackplane } = await import("../../registry/memory/backplane.ts");
  const { runTrainer } = await import("../../trainer/run-trainer.ts");
  const { processTableOf } = await import("../../common/files/folder-lock.ts");
  const { runEvaluator } = await import("../../evaluator/run-evaluator.ts");
  const { createLogger } = await import("../../runtime/logs.ts");
  const backplane = createMemoryBackplane(files.pipeline.pipeline.name, { clock });
  // Every service closes its backplane, but this one is shared.
  const connect = async () => ({ ...backplane, close: async () => {} });
  const common = { pipelineFile: files.pipeline.path, host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  const log = createLogger({
    service: "demo",
    clock,
    level: "warn",
    format: "pretty",
    destination: { write: options.onEvent },
  });
  const { pipeline } = files.pipeline;
  const { applyPlan, planApply } = await import("../../registry/apply-pipeline.ts");
  const plan = await planApply(backplane.pipelines, pipeline);
  await applyPlan(backplane.pipelines, pipeline, plan, { breaking: false, by: "uncouple demo" });
  const { spawnedHosts } = await import("../../inference/connect/spawned-hosts.ts");
  const { DEFAULT_INFERENCE } = await import("../../inference/client/create-inference.ts");
  const hosts = spawnedHosts({ memoryBytes: DEFAULT_INFERENCE.memoryBytes, node: process.execPath }, clock);
  const services: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.allSettled(services.map((service) => service.stop()));
    await backplane.close();
  };
  try {
    const evaluator = await runEvaluator({ ...common, name: "demo" }, { connect, clock, log, hosts });
    services.push(evaluator);
    const trainers: Record<string, string> = {};
    const addresses: Record<string, TrainerAddresses> = {};
    for (const { path, team } of files.teams) {
      const processes = processTableOf(process, hostname());
      const trainer = await runTrainer(
        { ...common, teamFiles: [path], stateDir: join(dir, "state") },
        { connect, clock, log, processes, hosts, hostProcess: process },
      );
      services.push(trainer);
      const grpc = `127.0.0.1:${trainer.grpcPort}`;
      trainers[team.component] = grpc;
      addresses[team.component] = { grpc, metrics: `http://127.0.0.1:${trainer.httpPort}/metrics` };
    }
    const clients = await connectClients(trainers, `127.0.0.1:${evaluator.grpcPort}`, clock);
    return {
      kind: "memory",
      description: "trainers, evaluator and registry run in this process, connected by the memory backplane",
      ...clients,
      addresses,
      backplane,
      failed: new Promise<never>(() => {}),
      close: once(async () => {
        clients.close();
        await stop();
      }),
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => {
    closed ??= close();
    return closed;
  };
}

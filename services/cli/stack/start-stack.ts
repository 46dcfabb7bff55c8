import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { NatsFiles } from "../../registry/jetstream/nats-auth.ts";
import type { StackFiles } from "../connect/configuration.ts";
import { type StoreFlags, storeArgs } from "../connect/service.ts";
import { removeStack, type Stack, stackFile, writeStack } from "../connect/stack-file.ts";
import { userName } from "../context/context.ts";
import { type InferenceFlags, inferenceArgs } from "../flags/inference-flags.ts";
import { type MemoryFlags, memoryArgs } from "../flags/memory-limit.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { type NatsAccess, natsEnvironment } from "../flags/nats-flags.ts";
import { createStyle } from "../terminal/style.ts";
import { applyText } from "../text/pipeline-text.ts";
import { applyPipelineFile } from "./apply-file.ts";
import type { NatsFound } from "./nats.ts";
import { superviseNats } from "./nats.ts";
import { type ServiceAddresses, type ServiceProcess, startService } from "./service-process.ts";
import { spreadTeams } from "./spread-teams.ts";
import { lockStack } from "./stack-lock.ts";
import { createSupervisor, type Supervisor, usualSupervision } from "./supervisor.ts";

export interface StackOptions {
  readonly files: StackFiles;
  readonly nats: NatsFound;
  /** What to authenticate with, at a server that is not started here. */
  readonly natsFiles?: NatsFiles;
  /** Folder for the stack file, the store, the trainers' state and the logs. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Limits and replicas of the store. */
  readonly store?: StoreFlags;
  /** How services run models from the store. */
  readonly inference?: InferenceFlags;
  /** Memory of each service. */
  readonly memory?: MemoryFlags;
  /** Trainer processes; defaults as `spreadTeams`. */
  readonly processes?: number | undefined;
  /** Workers to start, by component; defaults to none. */
  readonly workers?: ReadonlyMap<string, number>;
  /** Whether to apply a pipeline file with breaking changes; defaults to false. */
  readonly breaking?: boolean;
  /** Aborts the start. */
  readonly signal: AbortSignal;
  /** Called with a sentence for each crash and restart. */
  readonly onEvent: (line: string) => void;
  /** Called with the process of each part but the workers, when it starts and whenever it is restarted. */
  readonly onStart?: (name: string, pid: number) => void;
}

export interface RunningStack {
  readonly stack: Stack;
  /** Rejects when all parts keep crashing, or another process has taken the folder. */
  readonly failed: Promise<never>;
  /** Stops trainers and evaluator first, NATS last. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a stack on this machine: a NATS server unless one is given, trainer processes among which the teams are spread, and
 * an evaluator process. Everything listens on free ports of 127.0.0.1. If the start fails, nothing is left running.
 * @throws UncoupleError `conflict` if a stack already runs from this folder, `invalid-argument` if the folder is not
 *   writable or there are more processes than teams, or the failure of the part that did not start
 */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { clock, dir, files, onEvent, signal } = options;
  const { pipeline } = files;
  const groups = spreadTeams(files.teams, options.processes);
  const store = options.store ?? {};
  await makeFolder(dir);
  const lock = await lockStack(dir, clock);
  const services = createSupervisor({ clock, onEvent, ...usualSupervision });
  const servers = createSupervisor({ clock, onEvent, ...usualSupervision, othersWork: services.works });
  const stopAll = async () => {
    try {
      await services.stop();
    } finally {
      await servers.stop();
      await removeStack(dir, process.pid);
      // If the folder is gone, so is the lock.
      await lock.release().catch(() => {});
    }
  };
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stopAll();
    return stopped;
  };
  try {
    // The stack file of a killed stack would mislead other commands.
    await rm(stackFile(dir), { force: true });
    const natsUrl =
      "url" in options.nats
        ? options.nats.url
        : await superviseNats(servers, options.nats.binary, dir, clock, options.onStart);
    const access = {
      ...parseNatsAddress(natsUrl),
      files: "url" in options.nats ? (options.natsFiles ?? {}) : {},
    };
    await applyFile(access, options);
    // If one service fails to start, the others stop starting.
    const giveUp = new AbortController();
    const service = (name: string, id: string, args: readonly string[]) =>
      services.run(name, async (previous: ServiceProcess | undefined) => {
        const started = await startService(
          {
            name,
            args: [
              ...args,
              "--pipeline",
              pipeline.path,
              ...storeArgs(store),
              ...inferenceArgs(options.inference ?? {}),
              ...memoryArgs(options.memory ?? {}),
              ...portArgs(previous),
            ],
            logFile: join(dir, "logs", `${id}.log`),
          },
          // In the environment, because any user can read the arguments of a process and the URL may contain a password.
          { env: { ...options.env, NATS_URL: natsUrl, ...natsEnvironment(access.files) }, clock },
          AbortSignal.any([signal, giveUp.signal]),
        );
        options.onStart?.(name, started.pid);
        return started;
      });
    const starting = [
      service("evaluator", "evaluator", ["evaluator"]),
      ...groups.map((teams) => {
        const [first, ...others] = teams.map(({ team }) => team.component);
        const name = `trainer ${first}${others.length === 0 ? "" : ` and ${others.length} more`}`;
        const files = teams.flatMap(({ path }) => ["--team", path]);
        return service(name, `trainer-${first}`, ["trainer", ...files, "--state", join(dir, "state")]);
      }),
    ];
    for (const one of starting) one.catch((thrown: unknown) => giveUp.abort(thrown));
    await Promise.allSettled(starting);
    if (giveUp.signal.aborted) throw giveUp.signal.reason;
    const [evaluator, ...trainers] = await Promise.all(starting);
    if (evaluator === undefined) throw new UncoupleError("internal", "the stack has no evaluator");
    const stack = stackOf(options, natsUrl, evaluator, trainers);
    await startWorkers(services, stack, options);
    await writeStack(dir, stack);
    const lost = new Promise<never>((_, reject) => {
      lock.lost.addEventListener("abort", () => reject(lock.lost.reason));
    });
    const failed = Promise.race([services.failed, servers.failed, lost]);
    // The caller may not listen.
    failed.catch(() => {});
    return { stack, failed, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** Starts workers of one thread each, which find a trainer again after its restart, because it keeps its port. */
async function startWorkers(
  services: Supervisor,
  { trainers }: Stack,
  { workers = new Map(), dir, env, clock, signal, memory = {} }: StackOptions,
): Promise<void> {
  const named = [...workers].flatMap(([component, count]) =>
    Array.from({ length: count }, (_, index) => ({ component, name: `${component}-${index + 1}` })),
  );
  await Promise.all(
    named.map(({ component, name }) =>
      services.run(`worker ${name}`, () =>
        startService(
          {
            name: `worker ${name}`,
            args: [
              ...["worker", "--trainer", trainers[component] as string, "--component", component],
              ...["--name", name, "--threads", "1", ...memoryArgs(memory)],
            ],
            logFile: join(dir, "logs", `worker-${name}.log`),
          },
          { env, clock },
          signal,
        ),
      ),
    ),
  );
}

/** Puts the stack's pipeline file in force. @throws UncoupleError as `applyPipelineFile` */
async function applyFile(access: NatsAccess, options: StackOptions): Promise<void> {
  const { files, clock, env, store = {}, breaking = false, onEvent } = options;
  const { plan, applied } = await applyPipelineFile({
    access,
    pipeline: files.pipeline.pipeline,
    store,
    clock,
    name: "uncouple up",
    breaking,
    by: `${userName(env)} (uncouple up)`,
  });
  if (applied && plan.previous !== null) onEvent(applyText(plan, applied, createStyle(false)));
}

/** Reuses the ports after a restart, so that the stack file stays valid. */
function portArgs(previous: ServiceAddresses | undefined): string[] {
  const port = (address: string | undefined) => address?.split(":").at(-1) ?? "0";
  return ["--host", "127.0.0.1", "--port", port(previous?.grpc), "--metrics-port", port(previous?.http)];
}

function stackOf(
  { clock, files, processes }: StackOptions,
  natsUrl: string,
  evaluator: ServiceAddresses,
  trainers: readonly ServiceAddresses[],
): Stack {
  const places = new Map(
    spreadTeams(files.teams, processes).flatMap((teams, index) =>
      teams.map(({ team }) => [team.component, trainers[index]] as const),
    ),
  );
  const named = files.teams.map(({ team }) => [team.component, places.get(team.component)] as const);
  return {
    version: 1,
    pid: process.pid,
    startedAt: timestamp(clock),
    pipeline: files.pipeline.pipeline.name,
    pipelineFile: files.pipeline.path,
    components: files.pipeline.pipeline.components.map(({ name }) => name),
    natsUrl,
    trainers: Object.fromEntries(named.map(([name, trainer]) => [name, trainer?.grpc ?? ""])),
    evaluator: evaluator.grpc,
    metrics: {
      evaluator: `http://${evaluator.http}/metrics`,
      ...Object.fromEntries(
        named.map(([name, trainer]) => [`trainer ${name}`, `http://${trainer?.http ?? ""}/metrics`]),
      ),
    },
  };
}

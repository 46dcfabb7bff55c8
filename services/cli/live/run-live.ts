import { type Clock, secondsSince, timestamp } from "../../common/clock/clock.ts";
import type { RawLogs } from "../../registry/jetstream/raw-logs.ts";
import type { LivePolicy } from "../../simulator/live/live-policy.ts";
import type { LiveProgress } from "../../simulator/live/live-progress.ts";
import type { LiveRecord } from "../../simulator/live/live-results.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import { parseNatsAddress } from "../flags/nats-address.ts";
import { clearStackFolder } from "../stack/clear-stack-folder.ts";
import { connectClients, type StackClients } from "../stack/connect-clients.ts";
import type { NatsFound } from "../stack/nats.ts";
import { startStack } from "../stack/start-stack.ts";
import { runSession } from "./live-session.ts";
import { createLogFollower } from "./log-follower.ts";
import { listProcesses, memoryOf } from "./process-memory.ts";
import { LIVE_FILES, writeLiveFiles } from "./write-live-files.ts";

export interface LiveOptions {
  /** Of its seeds, the first one is simulated. */
  readonly scenario: Scenario;
  readonly policy: LivePolicy;
  readonly tickSeconds: number;
  /** Folder of the stack, emptied first. */
  readonly dir: string;
  readonly nats: NatsFound;
  /** Trainer processes; undefined: as `spreadTeams`. */
  readonly processes: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** This process. */
  readonly host: { readonly pid: number; readonly platform: string };
  /** During the start, ends it with its reason; later, ends the drive, and what was asked for is waited for. */
  readonly stop: AbortSignal;
  readonly onEvent: (line: string) => void;
  readonly onReady: (seconds: number) => void;
  readonly onProgress: (progress: LiveProgress) => void;
}

/**
 * Runs real services for a scenario, and asks them for what its teams wish, at a tick of wall-clock time.
 * @throws UncoupleError as `clearStackFolder`, `writeLiveFiles`, `startStack` and `runSession`; `unavailable` if all services
 *   keep crashing
 */
export async function runLive(options: LiveOptions): Promise<LiveRecord> {
  const { scenario, policy, tickSeconds, dir, host, clock, stop, onProgress } = options;
  const began = clock.elapsed();
  const seed = scenario.seeds[0] as number;
  await clearStackFolder(dir, { what: "a live simulation", own: LIVE_FILES }, clock);
  const files = await writeLiveFiles(dir, scenario, seed, policy);
  const pids = new Map([["uncouple simulate", host.pid]]);
  const restarts: Record<string, number> = {};
  const onStart = (name: string, pid: number) => {
    if (pids.has(name)) restarts[name] = (restarts[name] ?? 0) + 1;
    pids.set(name, pid);
  };
  const running = await startStack({ ...options, files, signal: stop, onStart });
  const { stack } = running;
  let clients: StackClients | undefined;
  let raw: RawLogs | undefined;
  try {
    clients = await connectClients(stack.trainers, stack.evaluator, clock);
    const { openRawLogs } = await import("../../registry/jetstream/raw-logs.ts");
    raw = await openRawLogs({
      ...parseNatsAddress(stack.natsUrl),
      pipeline: stack.pipeline,
      clock,
      name: "uncouple simulate",
      log: () => {},
    });
    const readyAt = timestamp(clock);
    const start = secondsSince(clock, began);
    options.onReady(start);
    const memory = async () => memoryOf(pids, await listProcesses(host.platform));
    const session = runSession({
      scenario,
      policy,
      tickSeconds,
      clients,
      follower: createLogFollower(raw),
      memory,
      clock,
      stop,
      onProgress,
    });
    session.catch(() => {});
    const { seconds, ...record } = await Promise.race([session, running.failed]);
    return {
      scenario,
      policy: policy.name,
      tickSeconds,
      readyAt,
      ...record,
      seconds: { start, ...seconds },
      restarts,
    };
  } finally {
    clients?.close();
    await raw?.close().catch(() => {});
    await running.stop();
  }
}

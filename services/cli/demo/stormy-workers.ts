import { join } from "node:path";
import type { Clock } from "../../common/clock/clock.ts";
import type { Random } from "../../data/random/random.ts";
import { type ServiceProcess, startService } from "../stack/service-process.ts";

export interface StormEvent {
  /** `m1-2` */
  readonly worker: string;
  readonly what: "killed" | "stopped" | "continued" | "started again";
  /** How long it is stopped. */
  readonly seconds?: number;
}

export interface StormyWorkersOptions {
  /** host:port of the trainer. */
  readonly trainer: string;
  readonly count: number;
  readonly random: Random;
  /** Folder for logs. */
  readonly logs: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onEvent: (event: StormEvent) => void;
}

/** Workers that are killed and stopped at random. */
export interface StormyWorkers {
  kills(): number;
  stops(): number;
  /** Ends the storm and the workers. */
  stop(): Promise<void>;
}

/** Milliseconds between faults: 500 to 2,000. */
const CALM_MS = { least: 500, spread: 1_500 };
/** Of all faults. The others stop a worker. */
const KILLED = 0.6;
/** Seconds for which a worker is stopped: 1 to 8. Beyond 5, the trainer gives it up. */
const STOPPED_SECONDS = { least: 1, spread: 7 };
const RESTART_MS = 300;

/** Starts workers, each with one thread, and a fault every second or so: SIGKILL, or SIGSTOP for some seconds. */
export async function startStormyWorkers(options: StormyWorkersOptions): Promise<StormyWorkers> {
  const { trainer, count, random, logs, env, clock, onEvent } = options;
  const over = new AbortController();
  const { signal } = over;
  const names = Array.from({ length: count }, (_, index) => `m1-${index + 1}`);
  const running = new Map<string, ServiceProcess>();
  const stopped = new Set<string>();
  let kills = 0;
  let stops = 0;

  const start = async (name: string) => {
    const args = ["worker", "--trainer", trainer, "--component", "m1", "--name", name, "--threads", "1"];
    const spec = { name: `worker ${name}`, args, logFile: join(logs, `worker-${name}.log`) };
    running.set(name, await startService(spec, { env, clock }, signal));
  };
  /** Starts a worker again whenever it was killed. */
  const keep = async (name: string) => {
    for (;;) {
      await running.get(name)?.ended;
      running.delete(name);
      await clock.sleep(RESTART_MS, signal);
      await start(name);
      onEvent({ worker: name, what: "started again" });
    }
  };
  const pause = async (name: string, pid: number, seconds: number) => {
    stops++;
    stopped.add(name);
    process.kill(pid, "SIGSTOP");
    onEvent({ worker: name, what: "stopped", seconds });
    await clock.sleep(seconds * 1000, signal).catch(() => {});
    stopped.delete(name);
    if (running.get(name)?.pid !== pid) return;
    process.kill(pid, "SIGCONT");
    onEvent({ worker: name, what: "continued" });
  };
  const rage = async () => {
    const pauses: Promise<void>[] = [];
    try {
      for (;;) {
        await clock.sleep(CALM_MS.least + CALM_MS.spread * random.uniform(), signal);
        const hit = names[random.below(names.length)] as string;
        const dies = random.uniform() < KILLED;
        const seconds = Math.round(STOPPED_SECONDS.least + STOPPED_SECONDS.spread * random.uniform());
        const { pid } = running.get(hit) ?? {};
        if (pid === undefined || stopped.has(hit)) continue;
        if (!dies) {
          pauses.push(pause(hit, pid, seconds));
          continue;
        }
        kills++;
        process.kill(pid, "SIGKILL");
        onEvent({ worker: hit, what: "killed" });
      }
    } finally {
      await Promise.all(pauses);
    }
  };

  const ending: Promise<unknown>[] = [];
  const stop = async () => {
    over.abort();
    await Promise.allSettled(ending);
    await Promise.all([...running.values()].map((worker) => worker.stop()));
  };
  try {
    await Promise.all(names.map(start));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  ending.push(rage());
  const kept = names.map(keep);
  for (const one of kept) one.catch(() => {});
  return { kills: () => kills, stops: () => stops, stop };
}

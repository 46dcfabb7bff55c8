import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { Random } from "../../services/data/random/random.ts";
import { type CuttableLink, openLink } from "./cuttable-link.ts";
import type { CliProcess } from "./spawn-cli.ts";
import type { Fleet } from "./worker-fleet.ts";

export type StormFault = "kill" | "stop" | "freeze" | "cut" | "throttle";

/** Faults that hit the workers of a fleet, each of which has a link of its own. */
export interface Storm {
  readonly faults: Readonly<Record<StormFault, number>>;
  /** Heals everything; the workers stay. */
  stop(): Promise<void>;
}

/** Workers that are started again when they die. */
export interface KeptWorkers {
  readonly names: readonly string[];
  process(name: string): CliProcess | undefined;
  link(name: string): CuttableLink;
  stop(): Promise<void>;
}

const RESTART_MS = 100;
/** Seconds that a fault other than a kill lasts: 1 to 7. Beyond 5, the coordinator gives the worker up. */
const LASTS = { least: 1, spread: 6 };
/** Share of the faults that kill. */
const KILLED = 0.65;
const OTHERS = ["stop", "freeze", "cut", "throttle"] as const;
/** Of every link, and of one that is slowed down. Units wait for their link, so that processors are to spare. */
const BYTES_PER_SECOND = { usual: 250_000, slow: 25_000 };

export async function keepWorkers(fleet: Fleet, count: number): Promise<KeptWorkers> {
  const names = Array.from({ length: count }, (_, index) => `w${index + 1}`);
  const links = new Map<string, CuttableLink>();
  for (const name of names) {
    const opened = await openLink(fleet.port);
    opened.throttle(BYTES_PER_SECOND.usual);
    links.set(name, opened);
  }
  const link = (name: string) => links.get(name) as CuttableLink;
  const processes = new Map<string, CliProcess>();
  let over = false;
  const keep = async (name: string) => {
    while (!over) {
      const worker = fleet.start(name, { port: link(name).port });
      processes.set(name, worker);
      await worker.ended;
      processes.delete(name);
      await systemClock.sleep(RESTART_MS);
    }
  };
  const kept = names.map(keep);
  await fleet.present(count);
  return {
    names,
    process: (name) => processes.get(name),
    link,
    async stop() {
      over = true;
      for (const { child } of processes.values()) child.kill("SIGKILL");
      await Promise.all(kept);
      for (const open of links.values()) await open.close();
    },
  };
}

/** @param random draws when, whom, and how */
export function startStorm(workers: KeptWorkers, perMinute: number, random: Random): Storm {
  const faults: Record<StormFault, number> = { kill: 0, stop: 0, freeze: 0, cut: 0, throttle: 0 };
  const over = new AbortController();
  const busy = new Set<string>();
  const lasting: Promise<void>[] = [];

  const last = async (name: string, what: StormFault, seconds: number) => {
    busy.add(name);
    const link = workers.link(name);
    const hit = workers.process(name);
    if (what === "stop") hit?.child.kill("SIGSTOP");
    else if (what === "freeze") link.freeze();
    else if (what === "cut") link.cut();
    else link.throttle(BYTES_PER_SECOND.slow);
    await systemClock.sleep(1000 * seconds, over.signal).catch(() => {});
    if (what === "stop") hit?.child.kill("SIGCONT");
    else link.mend();
    link.throttle(BYTES_PER_SECOND.usual);
    busy.delete(name);
  };

  const rage = async () => {
    for (;;) {
      // Between half and one and a half of the mean.
      await systemClock.sleep((60_000 / perMinute) * (0.5 + random.uniform()), over.signal);
      const kills = random.uniform() < KILLED;
      const other = OTHERS[random.below(OTHERS.length)] as StormFault;
      const seconds = LASTS.least + LASTS.spread * random.uniform();
      const free = workers.names.filter((name) => !busy.has(name));
      const name = free[random.below(Math.max(1, free.length))];
      if (name === undefined) continue;
      const what = kills ? "kill" : other;
      faults[what]++;
      if (kills) workers.process(name)?.child.kill("SIGKILL");
      else lasting.push(last(name, what, seconds));
    }
  };
  const raging = rage().catch(() => {});
  return {
    faults,
    async stop() {
      over.abort();
      await raging;
      await Promise.all(lasting);
    },
  };
}

import { setMaxListeners } from "node:events";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { isTransient } from "../../common/errors.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import { type AskedRun, createDrive } from "../../simulator/live/drive-teams.ts";
import type { Sample } from "../../simulator/live/live-figures.ts";
import { teamFileText } from "../../simulator/live/live-files.ts";
import type { LivePolicy } from "../../simulator/live/live-policy.ts";
import type { LiveProgress } from "../../simulator/live/live-progress.ts";
import type { LiveRecord } from "../../simulator/live/live-results.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import { drawEvents } from "../../simulator/world/events.ts";
import { firstModels } from "../../simulator/world/first-models.ts";
import type { StackClients } from "../stack/connect-clients.ts";
import type { LogFollower } from "./log-follower.ts";
import { runEnded } from "./run-ended.ts";

export interface SessionOptions {
  readonly scenario: Scenario;
  readonly policy: LivePolicy;
  readonly tickSeconds: number;
  readonly clients: StackClients;
  readonly follower: LogFollower;
  /** Resident memory by process in MiB. */
  memory(): Promise<ReadonlyMap<string, number>>;
  readonly clock: Clock;
  /** Ends the drive early. */
  readonly stop: AbortSignal;
  onProgress(progress: LiveProgress): void;
}

export type SessionRecord = Pick<
  LiveRecord,
  "isInterrupted" | "isDrained" | "wishes" | "asked" | "listed" | "logs" | "kinds" | "memory"
> & { readonly seconds: Omit<LiveRecord["seconds"], "start"> };

/** Samples of a drive, and the seconds between two of them. */
const SAMPLES = 300;
const [SHORTEST_GAP, LONGEST_GAP] = [1, 30] as const;
/** Trainer m2 before trainer m10. */
const ORDER = new Intl.Collator("en", { numeric: true });
const DRAIN_POLL_MS = 250;
/** The services count as stuck if nothing happens for this long after the drive. */
const STALL_MS = 120_000;

/**
 * Asks running services for what the teams of a scenario wish, and watches them.
 * @throws UncoupleError as `Drive.begin`; `unavailable` if the streams cannot be read at the end
 */
export async function runSession(options: SessionOptions): Promise<SessionRecord> {
  const { scenario, policy, tickSeconds, clients, follower, clock, stop } = options;
  const { seed, driveSeconds } = { seed: scenario.seeds[0] as number, driveSeconds: scenario.ticks * tickSeconds };
  const first = firstModels(scenario, seed);
  const protocols = new Map(first.map(({ team, reads }) => [team, policy.training(reads.length > 0).protocol]));
  /** Aborts the waiting for services that are stuck. */
  const abandoned = new AbortController();
  // All teams wait on both at once.
  setMaxListeners(0, stop, abandoned.signal);
  const drive = createDrive({
    first,
    events: drawEvents(scenario, seed),
    tickMs: 1000 * tickSeconds,
    ticks: scenario.ticks,
    clock,
    stop,
    team: (name) => ({
      start: (training) =>
        clients.trainer(name).startRun({
          teamFile: teamFileText(
            training,
            policy,
            protocols.get(name) as NonNullable<ReturnType<typeof protocols.get>>,
          ),
        }),
      ended: (run) => runEnded(clients.trainer(name), run, clock, abandoned.signal),
    }),
  });

  const began = clock.elapsed();
  const memory = new Map<string, Sample[]>();
  let phase: LiveProgress["phase"] = "first";
  let driveBegan = began;
  let seen = "";
  let seenAt = began;

  function watchStall(): void {
    const { announcements, verdicts, quarantines } = follower.logs();
    const ended = drive.asked().filter(isOver).length;
    const now = [ended, announcements.length, verdicts.length, quarantines.length].join();
    const isDriving = phase === "drive" && secondsSince(clock, driveBegan) < driveSeconds && !stop.aborted;
    if (now !== seen || isDriving) {
      seen = now;
      seenAt = clock.elapsed();
      return;
    }
    if (clock.elapsed() - seenAt > STALL_MS) abandoned.abort();
  }

  async function sample(): Promise<void> {
    // While the server restarts, the next sample has what this one lacks.
    await follower.catchUp().catch(() => {});
    const at = secondsSince(clock, began);
    for (const [process, resident] of await options.memory()) {
      const samples = memory.get(process) ?? [];
      memory.set(process, samples);
      samples.push([at, resident]);
    }
    watchStall();
    options.onProgress(progressNow());
  }

  function progressNow(): LiveProgress {
    const { announcements, verdicts } = follower.logs();
    const asked = drive.asked();
    return {
      phase,
      seconds: phase === "first" ? 0 : Math.min(secondsSince(clock, driveBegan), driveSeconds),
      of: driveSeconds,
      runs: asked.filter(({ run }) => run?.state === "succeeded").length,
      failed: asked.filter(({ run, refusal }) => refusal !== undefined || run?.state === "failed").length,
      snapshots: announcements.length,
      verdicts: verdicts.length,
      unjudged: follower.unjudged(),
    };
  }

  const listed = async (): Promise<readonly Run[]> => {
    const all: Run[] = [];
    for (const { name } of scenario.teams) all.push(...(await clients.trainer(name).listRuns()));
    return all;
  };

  /** @returns the runs that the trainers list once everything has ended and is judged; undefined: not yet */
  async function finished(): Promise<readonly Run[] | undefined> {
    await follower.catchUp();
    if (follower.unjudged() > 0 || (await clients.evaluator.status()).pending > 0) return undefined;
    // Listed before the logs are read, so that a run that ends meanwhile cannot seem to lack its snapshot.
    const runs = await listed();
    await follower.catchUp();
    return runs.every(hasEnded) && follower.unjudged() === 0 ? runs : undefined;
  }

  async function drain(): Promise<{ readonly runs: readonly Run[]; readonly isDrained: boolean }> {
    while (!abandoned.signal.aborted) {
      // A service that restarts is asked again.
      const runs = await finished().catch((thrown: unknown) => {
        if (!isTransient(thrown)) throw thrown;
        return undefined;
      });
      if (runs !== undefined) return { runs, isDrained: drive.asked().every(isOver) };
      watchStall();
      await clock.sleep(DRAIN_POLL_MS);
    }
    const runs = await listed();
    await follower.catchUp();
    return { runs, isDrained: false };
  }

  const gap = Math.min(LONGEST_GAP, Math.max(SHORTEST_GAP, driveSeconds / SAMPLES));
  const sampling = keepSampling(sample, 1000 * gap, clock);
  try {
    await drive.begin();
    const firstSeconds = secondsSince(clock, began);
    phase = "drive";
    driveBegan = clock.elapsed();
    await drive.replay();
    const lasted = secondsSince(clock, driveBegan);
    phase = "drain";
    const { runs, isDrained } = await drain();
    const total = secondsSince(clock, began);
    await sampling.stop();
    await sample();
    return {
      isInterrupted: stop.aborted,
      isDrained,
      seconds: { first: firstSeconds, drive: lasted, drain: total - firstSeconds - lasted },
      wishes: drive.wishes(),
      asked: drive.asked(),
      listed: runs,
      logs: follower.logs(),
      kinds: follower.kinds(),
      memory: [...memory]
        .map(([process, samples]) => ({ process, samples }))
        .sort((a, b) => ORDER.compare(a.process, b.process)),
    };
  } finally {
    abandoned.abort();
    await sampling.stop();
  }
}

/** Whether a training was refused or has ended. */
function isOver({ run, refusal }: AskedRun): boolean {
  return run === undefined ? refusal !== undefined : hasEnded(run);
}

/** Samples now and then, one sample at a time, until it is stopped. */
function keepSampling(sample: () => Promise<void>, gapMs: number, clock: Clock): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await sample();
      await clock.sleep(gapMs, stopping.signal).catch(() => {});
    }
  })();
  done.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

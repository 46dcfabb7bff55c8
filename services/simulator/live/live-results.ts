import type { ErrorCode } from "../../common/errors.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { AskedRun } from "./drive-teams.ts";
import { byInterval, intervalOf, type Percentiles, percentilesOf, type Sample, slopePerHour } from "./live-figures.ts";
import { type Finding, type LiveLogs, type LoggedSnapshot, reconcile } from "./reconcile.ts";

/** What was seen of a live simulation. */
export interface LiveRecord {
  readonly scenario: Scenario;
  readonly policy: string;
  readonly tickSeconds: number;
  /** Whether it was ended before its time. */
  readonly isInterrupted: boolean;
  /** Whether everything that was asked for had ended, and everything announced was judged, when the logs were read. */
  readonly isDrained: boolean;
  /** When the services were ready, in ISO 8601: second 0. */
  readonly readyAt: string;
  /** Seconds that the parts took, in their order. */
  readonly seconds: { readonly start: number; readonly first: number; readonly drive: number; readonly drain: number };
  readonly wishes: { readonly due: number; readonly served: number };
  readonly asked: readonly AskedRun[];
  /** The runs that trainers list, also those that gates and triggers started. */
  readonly listed: readonly Run[];
  readonly logs: LiveLogs;
  /** Verdicts by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Resident memory of every process in MiB. */
  readonly memory: readonly { readonly process: string; readonly samples: readonly Sample[] }[];
  readonly restarts: Readonly<Record<string, number>>;
}

/** What a live simulation comes to: `live.json`. Times are in seconds, memory in MiB. */
export interface LiveResults {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  readonly teams: number;
  readonly ticks: number;
  readonly tickSeconds: number;
  readonly interrupted: boolean;
  readonly drained: boolean;
  /** Whether nothing was lost, doubled or stray. */
  readonly sound: boolean;
  readonly findings: readonly Finding[];
  readonly readyAt: string;
  readonly seconds: LiveRecord["seconds"];
  readonly wishes: LiveRecord["wishes"];
  readonly runs: RunCounts;
  readonly snapshots: number;
  readonly verdicts: number;
  readonly quarantines: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** From the announcement's time to the verdict's, or the quarantine's. */
  readonly publishToVerdict: Percentiles;
  /** From when a run was queued to the announcement's time. */
  readonly startToPublished: Percentiles;
  /** Seconds over which each entry of `throughput` counts. */
  readonly interval: number;
  readonly throughput: readonly Throughput[];
  readonly memory: readonly ProcessMemory[];
  readonly restarts: Readonly<Record<string, number>>;
}

export interface RunCounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly unfinished: number;
  /** Requests that a trainer did not accept. */
  readonly refused: number;
  /** Why runs failed and requests were refused, the most frequent cause first. */
  readonly causes: readonly { readonly code: ErrorCode; readonly message: string; readonly times: number }[];
}

/** What happened in one interval, by the minute. */
export interface Throughput {
  /** When it begins. */
  readonly seconds: number;
  readonly runs: number;
  readonly snapshots: number;
  readonly verdicts: number;
  /** Of the snapshots judged in it; null without any. */
  readonly publishToVerdict: { readonly p50: number | null; readonly max: number | null };
}

export interface ProcessMemory {
  readonly process: string;
  readonly first: number;
  readonly last: number;
  readonly peak: number;
  /** Over the later half of the time, by the hour; null for too few samples. */
  readonly slopePerHour: number | null;
  readonly samples: readonly Sample[];
}

export function liveResults(record: LiveRecord): LiveResults {
  const { scenario, logs, seconds } = record;
  const runs = runsOf(record);
  const findings = reconcile(runs.filter(hasEnded), logs);
  const zero = Date.parse(record.readyAt);
  const timeOf = (at: string | null | undefined) => (Date.parse(at ?? "") - zero) / 1000;
  const judged = settledOf(logs).map(({ published, settled }) => ({ from: timeOf(published), to: timeOf(settled) }));
  const queued = new Map(runs.map(({ id, queuedAt }) => [id, queuedAt]));
  const published = logs.announcements.flatMap(({ runId, at }) => {
    const from = queued.get(runId ?? "");
    return from === undefined || at === undefined ? [] : [timeOf(at) - timeOf(from)];
  });
  const end = seconds.first + seconds.drive + seconds.drain;
  const interval = intervalOf(end);
  const parts = <T>(events: readonly T[], at: (event: T) => number) => byInterval(events, at, interval, end);
  const succeeded = parts(
    runs.filter(({ state }) => state === "succeeded"),
    ({ finishedAt }) => timeOf(finishedAt),
  );
  const announced = parts(
    logs.announcements.filter(({ at }) => at !== undefined),
    ({ at }) => timeOf(at),
  );
  const verdicts = parts(judged, ({ to }) => to);
  const perMinute = (count: number, place: number) => (60 * count) / Math.min(interval, end - place * interval);
  return {
    scenario: scenario.name,
    policy: record.policy,
    seed: scenario.seeds[0] as number,
    teams: scenario.teams.length,
    ticks: scenario.ticks,
    tickSeconds: record.tickSeconds,
    interrupted: record.isInterrupted,
    drained: record.isDrained,
    sound: findings.length === 0 && record.isDrained,
    findings,
    readyAt: record.readyAt,
    seconds,
    wishes: record.wishes,
    runs: countsOf(runs, record.asked),
    snapshots: logs.announcements.length,
    verdicts: logs.verdicts.length,
    quarantines: logs.quarantines.length,
    kinds: record.kinds,
    publishToVerdict: percentilesOf(judged.map(({ from, to }) => to - from)),
    startToPublished: percentilesOf(published),
    interval,
    throughput: verdicts.map((settled, place) => {
      const { p50, max } = percentilesOf(settled.map(({ from, to }) => to - from));
      return {
        seconds: place * interval,
        runs: perMinute(succeeded[place]?.length ?? 0, place),
        snapshots: perMinute(announced[place]?.length ?? 0, place),
        verdicts: perMinute(settled.length, place),
        publishToVerdict: { p50, max },
      };
    }),
    memory: record.memory.map(({ process, samples }) => {
      const values = samples.map(([, value]) => value);
      return {
        process,
        first: values[0] ?? 0,
        last: values.at(-1) ?? 0,
        peak: Math.max(0, ...values),
        slopePerHour: slopePerHour(samples),
        samples,
      };
    }),
    restarts: record.restarts,
  };
}

/** Each run once, as it was last seen: an ended one does not change, and trainers list the newest only. */
function runsOf({ asked, listed }: LiveRecord): readonly Run[] {
  const runs = new Map(listed.map((run) => [run.id, run]));
  for (const { run } of asked) {
    if (run !== undefined && (hasEnded(run) || !runs.has(run.id))) runs.set(run.id, run);
  }
  return [...runs.values()];
}

function countsOf(runs: readonly Run[], asked: readonly AskedRun[]): RunCounts {
  const count = (state: Run["state"]) => runs.filter((run) => run.state === state).length;
  const refusals = asked.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal]));
  const failures = runs.flatMap(({ state, error }) => (state === "failed" && error !== null ? [error] : []));
  const causes = new Map<string, RunCounts["causes"][number]>();
  for (const { code, message } of [...failures, ...refusals]) {
    const key = `${code}: ${message}`;
    causes.set(key, { code, message, times: (causes.get(key)?.times ?? 0) + 1 });
  }
  return {
    succeeded: count("succeeded"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    unfinished: runs.filter((run) => !hasEnded(run)).length,
    refused: refusals.length,
    causes: [...causes.values()].sort((a, b) => b.times - a.times),
  };
}

/** Snapshots with the time of their first verdict or quarantine, where both are known. */
function settledOf({ announcements, verdicts, quarantines }: LiveLogs) {
  const settled = new Map<string, string>();
  const nameOf = ({ component, serial }: LoggedSnapshot) => `${component}@${serial}`;
  for (const entry of [...verdicts, ...quarantines]) {
    const name = nameOf(entry);
    const before = settled.get(name);
    if (entry.at !== undefined && (before === undefined || entry.at < before)) settled.set(name, entry.at);
  }
  return announcements.flatMap((entry) => {
    const at = settled.get(nameOf(entry));
    return at === undefined || entry.at === undefined ? [] : [{ published: entry.at, settled: at }];
  });
}

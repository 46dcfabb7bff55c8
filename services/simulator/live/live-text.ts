import { mean } from "../../common/statistics.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import type { LiveResults, ProcessMemory } from "./live-results.ts";
import type { Finding } from "./reconcile.ts";

/** The finding of a live simulation in one to three sentences. */
export function liveSummary(results: LiveResults): string {
  const { teams, policy, seconds, runs, snapshots, findings, publishToVerdict, interrupted, drained } = results;
  const how = interrupted ? ", ended early" : "";
  const size = `${teams} teams under ${policy} for ${formatSeconds(seconds.drive)}${how}: ${snapshots} snapshots of ${runs.succeeded} successful runs.`;
  const sound =
    findings.length === 0
      ? "Nothing was lost, doubled or stray."
      : `${findings.length} ${findings.length === 1 ? "thing was" : "things were"} lost, doubled or stray.`;
  const waits =
    publishToVerdict.count === 0
      ? ""
      : ` Half of the verdicts came within ${secondsText(publishToVerdict.p50)} of the announcement, 99 % within ${secondsText(publishToVerdict.p99)}.`;
  return `${size} ${sound}${drained ? "" : " The services did not finish what was asked for."}${waits}`;
}

/** `lost verdict: m1@3` */
export function findingText({ kind, what, of }: Finding): string {
  return `${kind} ${what}: ${of}`;
}

/** Seconds below 10 with more digits than `formatSeconds` has. */
export function secondsText(seconds: number | null): string {
  if (seconds === null) return "-";
  return seconds < 10 ? `${formatNumber(seconds)} s` : formatSeconds(seconds);
}

/**
 * The memory of processes of one kind: of trainers the mean, `trainers (mean)`, and of their inference hosts, `trainers' hosts
 * (mean)`; of all others their own.
 */
export function memoryByKind(memory: readonly ProcessMemory[]): readonly Pick<ProcessMemory, "process" | "samples">[] {
  const kinds = new Map<string, ProcessMemory[]>();
  for (const one of memory) {
    const [, isTrainer, below = ""] = /^(trainer )?.*?('s hosts)?$/.exec(one.process) ?? [];
    const kind = isTrainer === undefined ? one.process : `trainers${below.replace("'s", "'")}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
  }
  return [...kinds].map(([kind, processes]) => {
    const samples = new Map<number, number[]>();
    for (const [at, value] of processes.flatMap((one) => one.samples)) {
      samples.set(at, [...(samples.get(at) ?? []), value]);
    }
    return {
      process: kind.startsWith("trainers") ? `${kind} (mean)` : kind,
      samples: [...samples].map(([at, values]) => [at, mean(values)] as const),
    };
  });
}

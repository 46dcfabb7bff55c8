import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import type { Percentiles } from "../../simulator/live/live-figures.ts";
import type { LiveProgress } from "../../simulator/live/live-progress.ts";
import type { LiveResults } from "../../simulator/live/live-results.ts";
import { findingText, liveSummary, memoryByKind, secondsText } from "../../simulator/live/live-text.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

/** Findings and causes that are shown before the rest is left to the files. */
const SHOWN = 10;

/** Formats the results of a live simulation for a terminal. */
export function liveText(results: LiveResults, style: Style, width: number): string {
  const { runs, wishes, snapshots, verdicts, quarantines, seconds, memory, restarts, findings, sound } = results;
  const driven = (seconds.first + seconds.drive + seconds.drain) / 60;
  const rates = [runs.succeeded, snapshots, verdicts].map((count) => formatNumber(count / driven));
  const numbers = ["COUNT", "P50", "P90", "P99", "LONGEST"].map((title) => ({ title, number: true }));
  const row = (name: string, { count, p50, p90, p99, max }: Percentiles) => [
    name,
    `${count}`,
    ...[p50, p90, p99, max].map(secondsText),
  ];
  const restarted = Object.entries(restarts).map(([name, times]) => `${name} (${times})`);
  return [
    ...wrap(liveSummary(results), width).map(sound ? style.green : style.red),
    ...findings.slice(0, SHOWN).map((finding) => style.red(`  ${findingText(finding)}`)),
    ...(findings.length > SHOWN ? [style.red(`  and ${findings.length - SHOWN} more`)] : []),
    "",
    `wishes: ${wishes.served} of ${wishes.due} served; runs: ${runs.succeeded} succeeded, ${runs.failed} failed, ${runs.cancelled} cancelled, ${runs.unfinished} unfinished, ${runs.refused} refused`,
    ...runs.causes.slice(0, SHOWN).map(({ times, code, message }) => `  ${times} x ${code}: ${message}`),
    `by the minute: ${rates[0]} runs, ${rates[1]} snapshots, ${rates[2]} verdicts; ${quarantines} quarantines`,
    `restarted: ${restarted.length === 0 ? "no process" : restarted.join(", ")}`,
    "",
    formatTable(
      [{ title: "LATENCY", wraps: true }, ...numbers],
      [
        row("announcement to verdict", results.publishToVerdict),
        row("request of a run to announcement", results.startToPublished),
      ],
      style,
      width,
    ),
    formatTable(
      [{ title: "MEMORY (MIB)", wraps: true }, ...["FIRST", "LAST", "PEAK"].map((title) => ({ title, number: true }))],
      memoryByKind(memory).map(({ process, samples }) => {
        const values = samples.map(([, value]) => value);
        return [process, ...[values[0], values.at(-1), Math.max(...values)].map((value) => (value ?? 0).toFixed(0))];
      }),
      style,
      width,
    ),
  ].join("\n");
}

/** One line. */
export function liveProgressText(progress: LiveProgress): string {
  const { phase, seconds, of, runs, failed, snapshots, verdicts, unjudged } = progress;
  const time = {
    first: "first models",
    drive: `${formatSeconds(seconds)} of ${formatSeconds(of)}, ${formatSeconds(of - seconds)} left`,
    drain: "finishing",
  }[phase];
  return `${time}: ${runs} runs, ${failed} failed, ${snapshots} snapshots, ${verdicts} verdicts, ${unjudged} waiting for one`;
}

import { join, resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { formatSeconds } from "../../report/numbers.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import type { CliContext } from "../context/context.ts";
import { chooseNats, natsNotFound } from "../stack/nats.ts";
import type { Output } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { createStatusLine } from "../terminal/status-line.ts";

export interface LiveFlags {
  readonly live?: true;
  /** Seconds. */
  readonly for?: number;
  readonly tick?: number;
  readonly processes?: number;
  readonly out?: string;
}

const TICK_SECONDS = 10;
/** Between two lines of progress without a terminal. */
const PROGRESS_MS = 10_000;

/** Drives real services with a scenario, and reports what they did. */
export async function simulateLive(
  context: CliContext,
  flags: LiveFlags,
  given: Scenario,
  output: Output,
): Promise<void> {
  const { clock, env, stderr } = context;
  const [
    { runLive },
    { livePolicy },
    { notReplayed },
    { liveResults },
    { liveReport },
    { liveText, liveProgressText },
  ] = await Promise.all([
    import("../live/run-live.ts"),
    import("../../simulator/live/live-policy.ts"),
    import("../../simulator/live/not-replayed.ts"),
    import("../../simulator/live/live-results.ts"),
    import("../../simulator/live/live-report.ts"),
    import("../text/live-text.ts"),
  ]);
  const { packageInfo } = await import("../../runtime/package-info.ts");
  const { scenario, tickSeconds } = timed(given, flags);
  const policy = livePolicy(scenario.policies[0] as string, scenario.gate);
  const left = notReplayed(scenario);
  if (left.length > 0) output.note(`not replayed, because the services' data does not change: ${left.join(", ")}`);
  if (scenario.policies.length > 1) output.note(`policy: ${policy.name}, the first of ${scenario.policies.join(", ")}`);
  const nats = await chooseNats({ url: undefined, preferOwn: true, env });
  if ("missing" in nats) throw natsNotFound(nats.missing);
  const folder = resolve(context.cwd, flags.out ?? join("out", "simulate"));
  const line = createStatusLine(stderr, clock, PROGRESS_MS);
  const note = (text: string) => line.aside(() => output.note(text));
  try {
    const record = await runLive({
      scenario,
      policy,
      tickSeconds,
      dir: join(folder, "live"),
      nats,
      processes: flags.processes,
      env,
      clock,
      host: process,
      stop: context.interrupted,
      onEvent: note,
      onReady: (seconds) =>
        note(`${scenario.teams.length} teams, evaluator and NATS server ready after ${formatSeconds(seconds)}`),
      onProgress: (progress) => line.show(liveProgressText(progress)),
    });
    line.stop();
    const results = liveResults(record);
    // Printed first, so that it is not lost if a file cannot be written.
    output.result(results, (style, width) => liveText(results, style, width));
    const page = join(folder, "live.html");
    const versions = `uncouple ${packageInfo().version}, Node ${process.versions.node}.`;
    for (const [path, text] of [
      [join(folder, "live.json"), `${JSON.stringify(results, null, 2)}\n`],
      [page, await liveReport(results, scenario, versions)],
    ] as const) {
      await writeWhole(path, path, text, true);
    }
    output.note(`Report: ${page}`);
    if (results.findings.length > 0) {
      throw new UncoupleError(
        "data-loss",
        `the live simulation is not sound: ${results.findings.length} findings; see ${page}`,
      );
    }
    if (!results.drained) {
      throw new UncoupleError("deadline-exceeded", `the services did not finish what was asked for; see ${page}`);
    }
    if (results.interrupted) throw new Finished(exitCodes.cancelled);
  } finally {
    line.stop();
  }
}

/** The scenario with as many ticks as there is time for, and the seconds of each. */
function timed(scenario: Scenario, { for: seconds, tick }: LiveFlags) {
  if (seconds === undefined) return { scenario, tickSeconds: tick ?? TICK_SECONDS };
  if (tick === undefined) return { scenario, tickSeconds: seconds / scenario.ticks };
  return { scenario: { ...scenario, ticks: Math.ceil(seconds / tick) }, tickSeconds: tick };
}

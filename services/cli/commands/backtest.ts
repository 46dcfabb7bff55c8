import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { requireTextFile } from "../../common/files/text-file.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { parseDuration } from "../../pipeline/duration.ts";
import { parseGateFile } from "../../pipeline/files/gate-file.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { BacktestDeps } from "../../releases/backtest/backtest.ts";
import { SET_RULES, type SetRule } from "../../releases/backtest/replay.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { findPipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { dataAccess } from "../flags/data-flags.ts";
import {
  type InferenceFlags,
  inferenceHosts,
  inferenceSettings,
  withInferenceFlags,
} from "../flags/inference-flags.ts";
import { parseCount } from "../flags/reference.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";
import { type BacktestResult, backtestText } from "../text/backtest-text.ts";

type Since = { readonly release: number } | { readonly at: string } | { readonly seconds: number };

interface Flags extends ConnectionFlags, InferenceFlags {
  readonly gate: string;
  readonly since?: Since;
  readonly sets: SetRule;
  readonly retained: number;
  readonly pipelineFile?: string;
  readonly out?: string;
  readonly json?: true;
}

export function backtestCommand(context: CliContext): Command {
  const command = withPeers(
    new Command("backtest")
      .summary("replay another gate over the pipeline's own history")
      .description(
        "Lets a gate decide again about every snapshot that the pipeline has published, in the order of announcement, on the held-out rows of the pipeline file, and compares with what really happened: loss over time, what would have been held or refused, refusals of updates that were better and promotions of updates that were worse, questions spent. Changes nothing. The rows that a gate in force keeps to itself are not read, so the backtest divides its screen rows once more, by the split of the gate that it replays.",
      )
      .requiredOption("--gate <file>", "YAML file with a key `gate`; a pipeline file works")
      .option(
        "--since <time>",
        "replay only what is newer than a time ago (6h, 30d), a date (2026-11-01), or a release (12), which is where it starts",
        parseSince,
      )
      .addOption(
        new Option("--sets <rule>", "what sets may move: what each team allows, everything, or nothing")
          .choices(SET_RULES)
          .default("teams"),
      )
      .option("--retained <count>", "newest snapshots of each component that may be promoted", parseCount, 8)
      .option("--pipeline-file <file>", "the pipeline file, for its data (default: the one in the stack file)")
      .option("--out <folder>", "also write report.html, with a plot of the loss, and results.json")
      .option(
        "--json",
        "print JSON: { pipeline, gate, digest, sets, rows, steps, releases, actualReleases, decisions, outcomes, questions, falseRefusals, falsePromotions, missing }",
      ),
    "registry",
  );
  return withInferenceFlags(command)
    .addHelpText(
      "after",
      `
Teams trained on what was in use then. With another gate, other snapshots would have been in use, and other models would
have been trained; the replay decides about those that there are. Orders of people, freezes, and training on candidates
are not replayed. Retention limits how far back it reaches: it says which models are gone.

Examples:
  uncouple backtest --gate strict.yaml
  uncouple backtest --gate strict.yaml --since 30d --out backtest
  uncouple backtest --gate pipeline.yaml --since 12 --sets none --json | jq '.outcomes[] | select(.decision == "held")'
`,
    )
    .action(async (flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const folder = flags.out === undefined ? undefined : resolve(context.cwd, flags.out);
      // Before the work, so that a folder that cannot be written costs nothing.
      if (folder !== undefined) await makeFolder(folder);
      const result = await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place();
        return run(context, flags, backplane, pipeline);
      });
      output.result(result, (style, width) => backtestText(result, style, width));
      if (folder !== undefined) {
        // Loaded lazily: vega loads slowly.
        const { backtestReport } = await import("../text/backtest-report.ts");
        const [report, results] = [join(folder, "report.html"), join(folder, "results.json")];
        const footer = `uncouple ${packageInfo().version}, ${timestamp(context.clock)}.`;
        await writeWhole(report, report, await backtestReport(result, footer), true);
        await writeWhole(results, results, `${JSON.stringify(result, null, 2)}\n`, true);
        output.note(`Report: ${report}`);
      }
    });
}

async function run(context: CliContext, flags: Flags, backplane: Backplane, name: string): Promise<BacktestResult> {
  const { clock, interrupted: signal } = context;
  const path = await findPipelineFile(context, flags);
  // Loaded lazily: DuckDB and ONNX Runtime load slowly, and other subcommands do not need them.
  const [{ readPipelineFile }, { loadHeldOut }, { createBacktestRows }, { hideKeys }] = await Promise.all([
    import("../../data/read-pipeline.ts"),
    import("../../evaluator/load-held-out.ts"),
    import("../../evaluator/backtest-rows.ts"),
    import("../../evaluator/hide-keys.ts"),
  ]);
  const [{ createInference, DEFAULT_INFERENCE }, { backtest }, { readHistory }, { createLogger }] = await Promise.all([
    import("../../inference/client/create-inference.ts"),
    import("../../releases/backtest/backtest.ts"),
    import("../../releases/backtest/history.ts"),
    import("../../runtime/logs.ts"),
  ]);
  const parsed = await readPipelineFile(path);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  if (parsed.pipeline.name !== name) {
    throw new UncoupleError("invalid-argument", `the pipeline file is of ${parsed.pipeline.name}, not of ${name}`);
  }
  const file = resolve(context.cwd, flags.gate);
  const read = parseGateFile(await requireTextFile("gate file", file), flags.gate, parsed.pipeline);
  if ("problems" in read) throw problemsError(read.problems);
  const { gate } = read;
  const history = await readHistory(backplane, parsed.pipeline);
  if (history.snapshots.length === 0) {
    throw new UncoupleError("failed-precondition", "no snapshot of the pipeline is judged yet, so there is no past");
  }
  const generation = await backplane.generations.current();
  const log = createLogger({
    service: "backtest",
    clock,
    level: "warn",
    destination: context.stderr,
    format: "pretty",
  });
  const heldOut = await loadHeldOut(parsed, path, log, dataAccess(context));
  const inference = createInference(
    { ...DEFAULT_INFERENCE, ...inferenceSettings(flags) },
    { connector: await inferenceHosts(context, flags), clock },
  );
  const progress = await createCountProgress(context.stderr, "snapshots", clock);
  try {
    const pipeline = { ...parsed.pipeline, gate };
    const rows = createBacktestRows(pipeline, heldOut, gate.split, generation?.split ?? parsed.pipeline.gate?.split, {
      registry: backplane.registry,
      schema: heldOut.schema,
      inference,
      signal,
      salt: generation?.salt,
      log,
      hide: (structure) => hideKeys(structure, pipeline, generation?.salt ?? ""),
    });
    const { sets, retained } = flags;
    const since = flags.since === undefined ? undefined : sinceOf(context, flags.since);
    const deps: BacktestDeps = {
      pipeline,
      gate,
      history,
      since,
      rows,
      tests: rows.tests,
      sets,
      retained,
      signal,
      onProgress: progress.update,
    };
    const result = await backtest(deps);
    await rows.close();
    return { ...result, rows: rows.counts };
  } finally {
    progress.stop();
    await inference.close();
  }
}

function sinceOf({ clock }: CliContext, since: Since): BacktestDeps["since"] {
  return "seconds" in since ? { at: timestamp({ now: () => clock.now() - 1000 * since.seconds }) } : since;
}

/** @throws InvalidArgumentError */
function parseSince(text: string): Since {
  if (/^\d+$/.test(text)) return { release: parseCount(text) };
  const seconds = parseDuration(text);
  if (seconds !== undefined) return { seconds };
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      "Expected a duration (6h, 30d), a date (2026-11-01, or with a time in ISO 8601), or the number of a release.",
    );
  }
  return { at: new Date(time).toISOString() };
}

import { Command } from "commander";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import type { RemoteTrainer } from "../../rpc/client/trainer-client.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { progressText } from "../terminal/progress.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { runLine, secondsOf } from "../text/run-text.ts";

type Trainers = ReadonlyMap<string, RemoteTrainer>;

export function runsCommand(context: CliContext): Command {
  return withPeers(
    new Command("runs")
      .summary("list training runs, or show one")
      .description("Lists the runs of all trainers, newest first, or shows all details of one run.")
      .argument("[component or run]", "the component whose runs to list, or the ID of the run to show")
      .option("--json", "print JSON: a list of runs, or the run"),
    "trainer",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple runs\n  uncouple runs m2 --json\n  uncouple runs 20260131-093000-5f0c1e\n",
    )
    .action(async (name: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const trainers = await connections.trainers();
        const own = name === undefined ? undefined : trainers.get(name);
        const runs = await runsOf(name === undefined || own === undefined ? trainers : new Map([[name, own]]), output);
        if (name === undefined || own !== undefined) {
          output.result(runs, (style, width) => (runs.length === 0 ? "no runs yet" : runTable(runs, style, width)));
          return;
        }
        const run = runs.find(({ id }) => id === name);
        if (run === undefined) throw unknownName(name, trainers);
        output.result(run, (style) => runText(run, style));
      });
    });
}

/** Runs, newest first. Prints a note for each trainer that fails to list them. @throws UncoupleError if all fail */
async function runsOf(trainers: Trainers, output: Output): Promise<readonly Run[]> {
  const runs: Run[] = [];
  const failures = new Map<string, UncoupleError>();
  const ask = async (component: string, trainer: RemoteTrainer) => {
    try {
      runs.push(...(await trainer.listRuns()));
    } catch (thrown) {
      failures.set(component, asUncoupleError(thrown));
    }
  };
  await Promise.all([...trainers].map(([component, trainer]) => ask(component, trainer)));
  for (const [component, error] of failures) {
    if (failures.size === trainers.size) throw error;
    output.note(plain(`could not list the runs of ${component}: ${error.message}`));
  }
  return runs.sort((a, b) => b.queuedAt.localeCompare(a.queuedAt));
}

function unknownName(name: string, trainers: Trainers): UncoupleError {
  const known = [...trainers.keys()];
  return new UncoupleError(
    "not-found",
    `no trainer or run found for "${name}"; components with a trainer: ${known.join(", ")}${didYouMean(name, known)}`,
  );
}

function runTable(runs: readonly Run[], style: Style, width: number): string {
  // Long texts come last, where they do not push other columns aside; `uncouple runs RUN` shows them in full, too.
  const failures = runs.some(({ error }) => error !== null);
  const columns = [
    { title: "RUN" },
    { title: "COMPONENT" },
    { title: "STATE" },
    { title: "PROTOCOL", wraps: true },
    { title: "STEPS", number: true },
    { title: "LOSS", number: true },
    { title: "SNAPSHOT" },
    { title: "DURATION", wraps: true },
    ...(failures ? [{ title: "FAILURE", wraps: true }] : []),
  ];
  const rows = runs.map((run) => {
    const seconds = secondsOf(run);
    return [
      plain(run.id),
      plain(run.component),
      colored(style, run.state),
      plain(formatProtocol(run.protocol)),
      `${run.step}/${run.steps}`,
      formatNumber(run.loss),
      published(run),
      seconds === undefined ? (run.state === "running" ? progressText(run) : "-") : formatSeconds(seconds),
      ...(failures ? [plain(run.error?.message ?? "")] : []),
    ];
  });
  return formatTable(columns, rows, style, width);
}

function published({ component, snapshot }: Run): string {
  return snapshot === null ? "-" : snapshotName({ component, serial: snapshot });
}

function runText(run: Run, style: Style): string {
  const { error, queuedAt, startedAt, finishedAt, upstream } = run;
  const pinned = Object.entries(upstream).map(([component, serial]) => snapshotName({ component, serial }));
  const rows = [
    ["run", run.id],
    ["component", run.component],
    ["state", run.state === "running" ? `running, ${progressText(run)}` : run.state],
    ["trigger", run.trigger],
    ["protocol", formatProtocol(run.protocol)],
    ["trained on", pinned.length === 0 ? "-" : pinned.join(", ")],
    ["steps", `${run.step} of ${run.steps}`],
    ["loss", formatNumber(run.loss)],
    ["snapshot", published(run)],
    ["queued", queuedAt],
    ["started", startedAt ?? "-"],
    ["finished", finishedAt ?? "-"],
    ...(error === null ? [] : [["failure", `${error.code}: ${error.message}`]]),
    ...run.warnings.map((warning) => ["warning", warning]),
  ];
  return rows.map(([name = "", value = ""]) => `${style.dim(name.padEnd(15))}${plain(value)}`).join("\n");
}

export function cancelCommand(context: CliContext): Command {
  return withPeers(
    new Command("cancel")
      .summary("cancel a training run")
      .description("Cancels a queued or running training run. It publishes nothing.")
      .argument("<run>", "the ID of the run, from `uncouple runs`")
      .option("--json", "print JSON: the run"),
    "trainer",
  )
    .addHelpText("after", "\nExample:\n  uncouple cancel 20260131-093000-5f0c1e\n")
    .action(async (id: string, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      const run = await withConnections(context, flags, async (connections) => {
        for (const trainer of (await connections.trainers()).values()) {
          const runs = await trainer.listRuns();
          if (runs.some((known) => known.id === id)) return trainer.cancelRun(id);
        }
        throw new UncoupleError("not-found", `no trainer has a run "${id}"; list the runs with uncouple runs`);
      });
      output.result(run, (style) => runLine(run, style));
    });
}

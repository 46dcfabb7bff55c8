import { Command } from "commander";
import { UncoupleError } from "../../pipeline/errors.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Run } from "../../pipeline/run.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connections.ts";
import type { CliContext } from "../context.ts";
import { createOutput } from "../output.ts";
import { figures } from "../progress.ts";
import { formatProtocol } from "../protocol-options.ts";
import { runLine, secondsOf } from "../run-text.ts";
import { coloured, plain, type Style } from "../style.ts";
import { formatTable } from "../table.ts";

export function runsCommand(context: CliContext): Command {
  return withPeers(
    new Command("runs")
      .summary("list training runs")
      .description("Lists the runs that the trainers know, newest first.")
      .argument("[component]", "of this component alone")
      .option("--json", "print JSON"),
    "trainer",
  )
    .addHelpText("after", "\nExamples:\n  uncouple runs\n  uncouple runs m2 --json\n")
    .action(async (component: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      const runs = await withConnections(context, flags, async (connections) => {
        if (component !== undefined) return (await connections.trainer(component)).listRuns();
        const trainers = [...(await connections.trainers()).values()];
        return (await Promise.all(trainers.map((trainer) => trainer.listRuns()))).flat();
      });
      const newest = [...runs].sort((a, b) => b.queuedAt.localeCompare(a.queuedAt));
      output.result(newest, (style) => (newest.length === 0 ? "no runs yet" : runTable(newest, style)));
    });
}

function runTable(runs: readonly Run[], style: Style): string {
  const titles = ["RUN", "COMPONENT", "STATE", "PROTOCOL", "STEPS", "LOSS", "SNAPSHOT", "TOOK", "QUEUED"];
  return formatTable(
    titles.map((title) => ({ title, number: title === "STEPS" || title === "LOSS" })),
    runs.map((run) => {
      const seconds = secondsOf(run);
      return [
        plain(run.id),
        plain(run.component),
        coloured(style, run.state),
        plain(formatProtocol(run.protocol)),
        `${run.step}/${run.steps}`,
        formatNumber(run.loss),
        run.snapshot === null ? plain(run.error?.message ?? "-") : snapshotName({ ...run, serial: run.snapshot }),
        seconds === undefined ? (run.state === "running" ? figures(run) : "-") : formatSeconds(seconds),
        plain(run.queuedAt),
      ];
    }),
    style,
  );
}

export function cancelCommand(context: CliContext): Command {
  return withPeers(
    new Command("cancel")
      .summary("cancel a training run")
      .description("Cancels a run that waits or trains. Nothing is published of it.")
      .argument("<run>", "its id, from `uncouple runs`")
      .option("--json", "print JSON"),
    "trainer",
  ).action(async (id: string, flags: ConnectionFlags & { readonly json?: true }) => {
    const output = createOutput(context, flags.json === true);
    const run = await withConnections(context, flags, async (connections) => {
      for (const trainer of (await connections.trainers()).values()) {
        const runs = await trainer.listRuns();
        if (runs.some((known) => known.id === id)) return trainer.cancelRun(id);
      }
      throw new UncoupleError("not-found", `no trainer knows a run "${id}"; see uncouple runs`);
    });
    output.result(run, (style) => runLine(run, style));
  });
}

import { Command } from "commander";
import { bestTrial, type Study, trialHasEnded } from "../../pipeline/study.ts";
import { formatPrecise } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plannedTrials } from "../terminal/study-progress.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { parametersText, studyJson, studyText } from "../text/study-text.ts";

export function studiesCommand(context: CliContext): Command {
  return withPeers(
    new Command("studies")
      .summary("list the studies of a component, or show one")
      .description("Lists the studies that `uncouple tune` started, newest first, or shows the trials of one.")
      .argument("<component>", "name of the component in the pipeline file")
      .argument("[study]", "the ID of the study to show")
      .option("--json", "print JSON: a list of studies, or the study, each as `uncouple tune` prints it"),
    "trainer",
  )
    .addHelpText("after", "\nExamples:\n  uncouple studies m2\n  uncouple studies m2 20260131-093000-5f0c1e --json\n")
    .action(async (component: string, id: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const tuning = await connections.tuning(component);
        if (id !== undefined) {
          const study = await tuning.getStudy(id);
          output.result(studyJson(study), (style, width) => studyText(study, style, width));
          return;
        }
        const studies = await tuning.listStudies();
        output.result(studies.map(studyJson), (style, width) =>
          studies.length === 0 ? "no studies yet" : studyTable(studies, style, width),
        );
      });
    });
}

function studyTable(studies: readonly Study[], style: Style, width: number): string {
  const columns = [
    { title: "STUDY" },
    { title: "STATE" },
    { title: "TRIALS", number: true },
    { title: "BEST", number: true },
    { title: "PARAMETERS", wraps: true },
  ];
  const rows = studies.map((study) => {
    const best = bestTrial(study);
    const { error } = study;
    return [
      plain(study.id),
      colored(style, study.state),
      `${study.trials.filter(trialHasEnded).length}/${plannedTrials(study)}`,
      formatPrecise(best?.value ?? null),
      error === null ? (best === undefined ? "-" : parametersText(best.parameters)) : plain(error.message),
    ];
  });
  return formatTable(columns, rows, style, width);
}

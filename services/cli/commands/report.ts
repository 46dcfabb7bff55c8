import { resolve } from "node:path";
import { Command } from "commander";
import { timestamp } from "../../common/clock/clock.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { parseReference } from "../flags/reference.ts";
import type { Report, ReportTarget } from "../report/gather-report.ts";
import { createOutput } from "../terminal/output.ts";

interface ReportFlags extends ConnectionFlags {
  readonly out?: string;
  readonly json?: true;
}

export function reportCommand(context: CliContext): Command {
  return withPeers(
    new Command("report")
      .summary("write a page about a run, a snapshot or a study")
      .description(
        "Writes a self-contained HTML page. Of a run or a snapshot: the loss curve, residuals or calibration, the loss by slice, the worst rows, the training data, tests, the verdict, the lineage, and a model card. Of a study: its history, the importance of its parameters, and how they move the value.",
      )
      .argument(
        "<run, snapshot or study>",
        "the ID of a run or a study, or its unique beginning, or COMPONENT@SERIAL",
        parseTarget,
      )
      .option("--out <file>", "file to write (default: report-NAME.html); an existing one is overwritten")
      .option("--json", "print the page's data as JSON; writes no page without --out"),
    "trainer",
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple report m2@3\n  uncouple report 20260131-093000-5f0c1e --out run.html\n  uncouple report m2@3 --json | jq .fit.loss\n",
    )
    .action(async (target: ReportTarget, flags: ReportFlags) => {
      const output = createOutput(context, flags.json === true);
      // Loaded lazily: plots load slowly, and other commands do not need them.
      const [{ gatherReport }, { reportJson }] = await Promise.all([
        import("../report/gather-report.ts"),
        import("../report/report-json.ts"),
      ]);
      const report = await withConnections(context, flags, (connections) => gatherReport(connections, target));
      const name = typeof target === "string" ? target : snapshotName(target);
      const file = flags.out ?? `report-${name}.html`;
      if (flags.json !== true || flags.out !== undefined) {
        await writeWhole(resolve(context.cwd, file), file, await pageOf(report, context), true);
      }
      output.result(reportJson(report), () => `wrote ${file}`);
    });
}

async function pageOf(report: Report, context: CliContext): Promise<string> {
  const footer = `Uncouple ${packageInfo().version}, ${timestamp(context.clock)}. \`uncouple report --json\` has the numbers.`;
  if (report.kind === "study") {
    const { studyPage } = await import("../report/study-page.ts");
    return studyPage(report.study, footer);
  }
  const { modelPage } = await import("../report/model-page.ts");
  return modelPage(report.model, footer);
}

/** @throws InvalidArgumentError for a snapshot without a valid serial */
function parseTarget(text: string): ReportTarget {
  return text.includes("@") ? parseReference(text) : text;
}

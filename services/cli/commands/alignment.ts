import { resolve } from "node:path";
import { Command } from "commander";
import { writeWhole } from "../../common/files/write-whole.ts";
import { collect } from "../../registry/logged.ts";
import { readPages } from "../../rpc/services/pages.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { measureAlignment } from "../../verdicts/alignment.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { alignmentText } from "../text/alignment-text.ts";
import { nothingYet } from "../text/nothing-yet.ts";

interface Flags extends ConnectionFlags {
  readonly out?: string;
  readonly json?: true;
}

export function alignmentCommand(context: CliContext): Command {
  return withPeers(
    new Command("alignment")
      .summary("measure whether a component's own loss tells what helps the pipeline")
      .description(
        "Measures, over the updates in the verdict log, Kendall's tau between the changes of a component's own loss and those of the pipeline loss, with a 95 % interval from the bootstrap over updates. 1: whatever is better for the component is better for the pipeline. 0: its own loss tells nothing. Below 0: it misleads. docs/science.md says more.",
      )
      .argument("[component]", "only this component")
      .option("--out <file>", "also write an HTML page with a plot of the updates")
      .option("--json", "print JSON: [{ component, points, improved, harmful, tau, interval, level }]"),
    "evaluator",
  )
    .addHelpText("after", "\nExamples:\n  uncouple alignment\n  uncouple alignment m1 --out alignment.html\n")
    .action(async (component: string | undefined, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      const verdicts = await withConnections(context, flags, async (connections) =>
        collect(readPages((await connections.evaluator(component)).listVerdicts)),
      );
      const judged = [...new Set(verdicts.map((verdict) => verdict.component))].sort();
      const wanted = component === undefined ? judged : judged.filter((name) => name === component);
      const alignments = wanted.map((name) => measureAlignment(name, verdicts));
      output.result(alignments, (style) => (wanted.length === 0 ? "" : alignmentText(alignments, style)));
      if (wanted.length === 0) output.note(nothingYet("verdicts", component, judged));
      const [first] = verdicts;
      if (flags.out !== undefined && first !== undefined) {
        // Loaded lazily: vega loads slowly.
        const { alignmentReport } = await import("../text/alignment-report.ts");
        const file = resolve(context.cwd, flags.out);
        const footer = `uncouple ${packageInfo().version}, ${verdicts.length} verdicts.`;
        await writeWhole(file, flags.out, await alignmentReport(first.pipeline, alignments, footer), true);
        output.note(`Plot: ${file}`);
      }
    });
}

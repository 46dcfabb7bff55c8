import { Command } from "commander";
import type { Verdict } from "../../pipeline/verdict.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connections.ts";
import type { CliContext } from "../context.ts";
import { createOutput, type Output } from "../output.ts";
import { Finished } from "../report-error.ts";
import { alternativeLines, quarantineLine, verdictLine } from "../verdict-text.ts";

interface VerdictFlags extends ConnectionFlags {
  readonly follow?: true;
  readonly json?: true;
}

export function verdictsCommand(context: CliContext): Command {
  return withPeers(
    new Command("verdicts")
      .summary("what every update did to the pipeline")
      .description(
        "Shows the evaluator's verdict on every snapshot, oldest first: the change of the component's own loss, and of the pipeline's with its 95 % interval, both against what was in use; below, the same update beside other snapshots of its consumers. A snapshot that could not be used is quarantined, with the reason.",
      )
      .argument("[component]", "of this component alone")
      .option("-f, --follow", "go on as verdicts come, until Ctrl-C")
      .option("--json", "print JSON: a list; with --follow, a verdict a line"),
    "evaluator",
  )
    .addHelpText("after", "\nExamples:\n  uncouple verdicts m1\n  uncouple verdicts --follow --json | jq .kind\n")
    .action(async (component: string | undefined, flags: VerdictFlags) => {
      const output = createOutput(context, flags.json === true);
      const wanted = (one: { readonly component: string }) => component === undefined || one.component === component;
      await withConnections(context, flags, async (connections) => {
        const evaluator = await connections.evaluator();
        if (flags.follow === true) {
          for await (const { value } of evaluator.watchVerdicts(0, context.interrupted)) {
            if (wanted(value)) show(value, output);
          }
          throw new Finished(exitCodes.cancelled);
        }
        const verdicts = (await evaluator.listVerdicts()).filter(wanted);
        if (flags.json === true) return output.result(verdicts, () => "");
        const quarantines = (await evaluator.listQuarantines()).filter(wanted);
        for (const verdict of verdicts) show(verdict, output);
        for (const quarantine of quarantines) output.item(quarantine, (style) => quarantineLine(quarantine, style));
        if (verdicts.length + quarantines.length === 0) output.note("no verdicts yet");
      });
    });
}

function show(verdict: Verdict, output: Output): void {
  output.item(verdict, (style) => [verdictLine(verdict, style), ...alternativeLines(verdict, style)].join("\n"));
}

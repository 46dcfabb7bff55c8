import { Command } from "commander";
import type { Quarantine, Verdict } from "../../pipeline/verdict.ts";
import type { RemoteEvaluator } from "../../rpc/client/evaluator-client.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { nothingYet } from "../text/nothing-yet.ts";
import { alternativeLines, quarantineLine, verdictLine } from "../text/verdict-text.ts";

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
        const evaluator = await connections.evaluator(component);
        if (flags.follow === true) {
          await follow(evaluator, wanted, context, output);
          throw new Finished(exitCodes.cancelled);
        }
        const given = await evaluator.listVerdicts();
        const verdicts = given.filter(wanted);
        if (flags.json === true) return output.result(verdicts, () => "");
        const refused = await evaluator.listQuarantines();
        const quarantines = refused.filter(wanted);
        for (const verdict of verdicts) show(verdict, output);
        for (const quarantine of quarantines) showQuarantine(quarantine, output);
        if (verdicts.length + quarantines.length === 0) {
          const judged = [...given, ...refused].map((one) => one.component);
          output.note(nothingYet("verdicts", component, judged));
        }
      });
    });
}

/** How often quarantines, which no stream tells of, are asked for. */
const ASK_MS = 2_000;

/** Verdicts as they come, and for people the quarantines beside them, until Ctrl-C. */
async function follow(
  evaluator: RemoteEvaluator,
  wanted: (one: Verdict | Quarantine) => boolean,
  { interrupted, clock }: CliContext,
  output: Output,
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([interrupted, ended.signal]);
  const watching = async () => {
    for await (const { value } of evaluator.watchVerdicts(0, either)) if (wanted(value)) show(value, output);
  };
  const asking = async () => {
    for (let told = 0; !either.aborted && !output.json; ) {
      const all = await evaluator.listQuarantines();
      for (const quarantine of all.slice(told).filter(wanted)) showQuarantine(quarantine, output);
      told = all.length;
      await clock.sleep(ASK_MS, either).catch(() => {});
    }
  };
  try {
    await Promise.all([watching(), asking()]);
  } finally {
    ended.abort();
  }
}

function showQuarantine(quarantine: Quarantine, output: Output): void {
  output.item(quarantine, (style) => quarantineLine(quarantine, style));
}

function show(verdict: Verdict, output: Output): void {
  output.item(verdict, (style) => [verdictLine(verdict, style), ...alternativeLines(verdict, style)].join("\n"));
}

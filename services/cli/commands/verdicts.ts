import { Command } from "commander";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { collect } from "../../registry/logged.ts";
import type { RemoteEvaluator } from "../../rpc/client/evaluator-client.ts";
import { readPages } from "../../rpc/services/pages.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import { createGenerationLines, type GenerationLines, questionsText } from "../text/generation-text.ts";
import { nothingYet } from "../text/nothing-yet.ts";
import { quarantineLine, verdictLines } from "../text/verdict-text.ts";

interface VerdictFlags extends ConnectionFlags {
  readonly follow?: true;
  readonly json?: true;
}

export function verdictsCommand(context: CliContext): Command {
  return withPeers(
    new Command("verdicts")
      .summary("show what each update did to the pipeline")
      .description(
        "Shows the evaluator's verdict on every snapshot, oldest first: the change in the component's own loss and in the pipeline loss, with its 95 % interval, relative to the snapshot that was current. Indented lines show the same update with other snapshots of its consumers. Snapshots that cannot be used are quarantined, with the reason.",
      )
      .argument("[component]", "show only the verdicts on this component")
      .option("-f, --follow", "keep printing verdicts as they arrive, until Ctrl-C")
      .option("--json", "print JSON: a list; with --follow, one verdict per line"),
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
        const given = await collect(readPages(evaluator.listVerdicts));
        const verdicts = given.filter(wanted);
        if (flags.json === true) return output.result(verdicts, () => "");
        const refused = await collect(readPages(evaluator.listQuarantines));
        const quarantines = refused.filter(wanted);
        const lines = createGenerationLines();
        for (const verdict of verdicts) show(verdict, lines, output);
        for (const quarantine of quarantines) showQuarantine(quarantine, output);
        const asked = questionsText(given);
        if (asked !== undefined) output.note(asked);
        if (verdicts.length + quarantines.length === 0) {
          const judged = [...given, ...refused].map((one) => one.component);
          output.note(nothingYet("verdicts", component, judged));
        }
      });
    });
}

/** Polling interval for quarantines, which are not streamed. */
const POLL_MS = 2_000;

/** Prints verdicts as they arrive and, unless printing JSON, quarantines, until Ctrl-C. */
async function follow(
  evaluator: RemoteEvaluator,
  wanted: (one: Verdict | Quarantine) => boolean,
  { interrupted, clock }: CliContext,
  output: Output,
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([interrupted, ended.signal]);
  const watching = async () => {
    const lines = createGenerationLines();
    for await (const { value } of evaluator.watchVerdicts(0, either)) if (wanted(value)) show(value, lines, output);
  };
  const polling = async () => {
    const shown = new Set<string>();
    for (let from = 0; !either.aborted && !output.json; ) {
      for await (const { position, value } of readPages(evaluator.listQuarantines, { from, limit: 0 })) {
        from = position + 1;
        // Evaluators of version 0.1.0 list all of them again.
        if (shown.has(snapshotName(value))) continue;
        shown.add(snapshotName(value));
        if (wanted(value)) showQuarantine(value, output);
      }
      await clock.sleep(POLL_MS, either).catch(() => {});
    }
  };
  try {
    await Promise.all([watching(), polling()]);
  } finally {
    ended.abort();
  }
}

function showQuarantine(quarantine: Quarantine, output: Output): void {
  output.item(quarantine, (style) => quarantineLine(quarantine, style));
}

function show(verdict: Verdict, lines: GenerationLines, output: Output): void {
  const between = lines.before(verdict);
  output.item(verdict, (style) =>
    [...(between === undefined ? [] : [between]), ...verdictLines(verdict, style)].join("\n"),
  );
}

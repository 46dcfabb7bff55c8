import { Command } from "commander";
import type { Decision, Release } from "../../pipeline/release.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { type LedgerHistory, readLedger } from "../../releases/read-ledger.ts";
import { releaseNumbered } from "../../releases/rollback-target.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { parseCount } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { decisionLines } from "../text/decision-text.ts";
import { releaseFacts, releaseTable } from "../text/release-text.ts";

type JsonFlags = ConnectionFlags & { readonly json?: true };

const NO_RELEASE = "there is no release yet: evaluators write the first one, or a person with `uncouple promote`";

export function releaseCommand(context: CliContext): Command {
  return withPeers(
    new Command("release")
      .summary("show a release: what is in use, since when, and why")
      .description(
        "Shows the release in use, or an earlier one: its snapshots, who made it and why, and what the gate measured, one line a criterion.",
      )
      .argument("[number]", "number of the release; default: the newest", parseCount)
      .option("--json", "print JSON: { release, decision }, where decision is null unless a gate made the release"),
    "registry",
  )
    .addHelpText("after", "\nExamples:\n  uncouple release\n  uncouple release 12 --json\n")
    .action(async (number: number | undefined, flags: JsonFlags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { ledger } = await connections.backplane();
        const { releases, decisions } = await readLedger(ledger);
        const newest = releases.at(-1);
        if (number === undefined && newest === undefined) {
          output.result(null, () => NO_RELEASE);
          return;
        }
        const release = releaseNumbered(releases, number ?? (newest as Release).number);
        const decision = decisionOf(release, decisions);
        const before = releases.find((one) => one.number === release.previous);
        output.result({ release, decision: decision?.value ?? null }, (style, width) =>
          [
            ...releaseFacts(release, before, style, context.clock),
            ...(decision === undefined ? [] : ["", ...decisionLines(decision, releases, style, width, context.clock)]),
          ].join("\n"),
        );
      });
    });
}

/** The decision that made a release. */
function decisionOf({ cause }: Release, decisions: LedgerHistory["decisions"]): Logged<Decision> | undefined {
  return cause.type === "decision" ? decisions.find(({ position }) => position === cause.position) : undefined;
}

export function releasesCommand(context: CliContext): Command {
  return withPeers(
    new Command("releases")
      .summary("list releases")
      .description(
        "Lists the releases of the pipeline, oldest first: what each one moved, who made it and why. The last one is in use.",
      )
      .option("--limit <count>", "show only so many of the newest", parseCount)
      .option("--json", "print JSON: a list of releases"),
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple releases --limit 10\n  uncouple releases --json | jq '.[-1].composition'\n",
    )
    .action(async (flags: JsonFlags & { readonly limit?: number }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { ledger } = await connections.backplane();
        const { releases } = await readLedger(ledger);
        const shown = flags.limit ?? releases.length;
        output.result(releases.slice(Math.max(0, releases.length - shown)), (style, width) =>
          releases.length === 0 ? NO_RELEASE : releaseTable(releases, shown, style, width),
        );
      });
    });
}

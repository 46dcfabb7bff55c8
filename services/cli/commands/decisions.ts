import { Command } from "commander";
import { readLedger } from "../../releases/read-ledger.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { parseCount, parseReference, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { decisionLine, decisionLines } from "../text/decision-text.ts";

interface DecisionFlags extends ConnectionFlags {
  readonly limit?: number;
  readonly json?: true;
}

export function decisionsCommand(context: CliContext): Command {
  return withPeers(
    new Command("decisions")
      .summary("show what the gate decided, and why")
      .description(
        "Lists what the gate decided about updates and sets of updates, oldest first. With a snapshot, shows the decisions about it with what was measured: one line a criterion with its number, limit and tick.",
      )
      .argument("[component@serial]", "show only the decisions that move this snapshot", parseReference)
      .option("--limit <count>", "show only so many of the newest", parseCount)
      .option("--json", "print JSON: [{ position, decision }]"),
    "registry",
  )
    .addHelpText("after", "\nExamples:\n  uncouple decisions\n  uncouple decisions m1@2\n")
    .action(async (snapshot: SnapshotReference | undefined, flags: DecisionFlags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { ledger, registry } = await connections.backplane(snapshot?.component);
        if (snapshot !== undefined) await registry.manifest(snapshot.component, snapshot.serial);
        const { decisions, releases } = await readLedger(ledger);
        const about = decisions.filter(
          ({ value }) => snapshot === undefined || value.moves[snapshot.component] === snapshot.serial,
        );
        const shown = about.slice(Math.max(0, about.length - (flags.limit ?? about.length)));
        const json = shown.map(({ position, value }) => ({ position, decision: value }));
        output.result(json, (style, width) => {
          if (shown.length === 0) return snapshot === undefined ? "no decisions yet" : "no decision about it yet";
          if (snapshot === undefined) return shown.map(({ value }) => decisionLine(value, style)).join("\n");
          return shown.map((one) => decisionLines(one, releases, style, width, context.clock).join("\n")).join("\n\n");
        });
      });
    });
}

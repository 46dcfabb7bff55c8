import { Command } from "commander";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";

interface SweepFlags extends ConnectionFlags {
  readonly dryRun?: true;
  readonly json?: true;
}

export function sweepCommand(context: CliContext): Command {
  return withPeers(
    new Command("sweep")
      .summary("remove unfinished uploads from the model store")
      .description(
        "Removes bytes that nobody can read: of models whose upload did not finish, or that were never announced, six hours after their last byte was stored. Services of an account that owns the streams do so whenever they start. With an account for each team, use the operator's key, for example every night.",
      )
      .option("--dry-run", "list what would be removed")
      .option("--json", "print JSON: { dryRun, pipeline, removed: [ID] }"),
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple sweep --dry-run\n  uncouple sweep --nats nats://nats:4222 --pipeline ads --nats-nkey operator.nk\n",
    )
    .action(async (flags: SweepFlags) => {
      const output = createOutput(context, flags.json === true);
      const { ORPHAN_AGE_MS } = await import("../../registry/jetstream/backplane.ts");
      const dryRun = flags.dryRun === true;
      await withConnections(context, flags, async (connections) => {
        const { backplane, pipeline } = await connections.place();
        const removed = await backplane.sweepOrphans(ORPHAN_AGE_MS, { dryRun });
        output.result({ dryRun, pipeline, removed }, () =>
          [
            ...removed.map(plain),
            `${dryRun ? "would remove" : "removed"} ${removed.length} unfinished uploads from the model store of ${pipeline}`,
          ].join("\n"),
        );
      });
    });
}

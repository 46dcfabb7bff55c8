import { Command } from "commander";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Release } from "../../pipeline/release.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { personOf, type ReasonFlag, withReason } from "../flags/reason-flag.ts";
import { parseCount, parseReferences, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";
import { noteMissing } from "../text/release-text.ts";

interface PromoteFlags extends ConnectionFlags, ReasonFlag {
  readonly against?: number;
  readonly override?: true;
  readonly json?: true;
}

export function promoteCommand(context: CliContext): Command {
  return withPeers(
    withReason(
      new Command("promote")
        .summary("put snapshots in use by hand, as one release")
        .description(
          "Releases one snapshot, or several together, whatever a gate measured. Without a gate that enforces, their components are pinned: newer snapshots do not replace them until `uncouple alias COMPONENT champion --remove`. Against a freeze, an order or a decision of the gate it needs --override, which the ledger keeps.",
        )
        .argument("<snapshot[,snapshot...]>", "for example m1@2,m2@3", parseReferences),
    )
      .option("--override", "promote against a freeze, a hold, a refusal, a spent horizon, or before the gate decided")
      .option("--against <release>", "promote only if this release is in use", parseCount)
      .option("--json", "print JSON: { release, missing }"),
    "registry",
  )
    .addHelpText(
      "after",
      '\nExamples:\n  uncouple promote m1@2 --reason "passed the audit"\n  uncouple promote m1@2,m2@3 --against 12 --reason "only work together"\n  uncouple promote m1@2 --override --reason "incident 31"\n',
    )
    .action(async (snapshots: readonly SnapshotReference[], flags: PromoteFlags) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { promoteByHand } = await import("../../releases/orders.ts");
        const { against, override } = flags;
        const request = { ...personOf(context, flags), snapshots, against, override: override === true };
        const promoted = await promoteByHand({ ...(await connections.place()), clock: context.clock }, request);
        output.result(promoted, () => plain(promotedText(promoted.release, snapshots)));
        noteMissing(promoted.missing, output.note);
      });
    });
}

function promotedText({ number, kind, cause }: Release, snapshots: readonly SnapshotReference[]): string {
  const overrides = cause.type === "person" ? (cause.overrides ?? []) : [];
  const overridden = overrides.length === 0 ? "" : `; overrides: ${overrides.join(", ")}`;
  const pinned = kind === "pin" ? `, pinned: ${snapshots.map(({ component }) => component).join(", ")}` : "";
  return `release ${number}: ${snapshots.map(snapshotName).join(", ")} in use${pinned}${overridden}`;
}

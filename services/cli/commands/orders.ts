import { Command } from "commander";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Order } from "../../pipeline/release.ts";
import type { OrderRequest } from "../../releases/orders.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { personOf, type ReasonFlag, withReason } from "../flags/reason-flag.ts";
import { parseReferences, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";

type Verb = OrderRequest["verb"];

interface VerbText {
  readonly summary: string;
  readonly description: string;
  readonly example: string;
  readonly done: string;
}

const TEXTS: Readonly<Record<Verb, VerbText>> = {
  refuse: {
    summary: "forbid a gate to promote snapshots",
    description:
      "Tells the gate that snapshots must not be promoted, alone or in a set. `uncouple resume` lifts it. Newer snapshots of the component are not affected.",
    example: 'uncouple refuse m1@3 --reason "trained on leaked labels"',
    done: "refused: no gate promotes it",
  },
  hold: {
    summary: "keep snapshots from being promoted for now",
    description:
      "Tells the gate to wait with snapshots: they are measured, and not promoted, alone or in a set. `uncouple resume` lifts it. Newer snapshots of the component are not affected.",
    example: 'uncouple hold m1@3,m2@4 --reason "audit until Friday"',
    done: "on hold: no gate promotes it until `uncouple resume`",
  },
  resume: {
    summary: "lift what hold or refuse said",
    description: "Lets the gate decide about snapshots again that a person, or a rollback, has held or refused.",
    example: 'uncouple resume m1@3 --reason "passed the audit"',
    done: "for the gate to decide again",
  },
};

export const refuseCommand = (context: CliContext): Command => orderCommand("refuse", context);
export const holdCommand = (context: CliContext): Command => orderCommand("hold", context);
export const resumeCommand = (context: CliContext): Command => orderCommand("resume", context);

function orderCommand(verb: Verb, context: CliContext): Command {
  const { summary, description, example, done } = TEXTS[verb];
  return withPeers(
    withReason(
      new Command(verb)
        .summary(summary)
        .description(description)
        .argument("<snapshot[,snapshot...]>", "for example m1@2,m2@3", parseReferences),
    ).option("--json", "print JSON: the order"),
    "registry",
  )
    .addHelpText("after", `\nExample:\n  ${example}\n`)
    .action(
      async (
        snapshots: readonly SnapshotReference[],
        flags: ConnectionFlags & ReasonFlag & { readonly json?: true },
      ) => {
        const output = createOutput(context, flags.json === true);
        await withConnections(context, flags, async (connections) => {
          const { order } = await import("../../releases/orders.ts");
          const deps = { ...(await connections.place()), clock: context.clock };
          const made: Order = await order(deps, { ...personOf(context, flags), verb, snapshots });
          output.result(made, () => snapshots.map((one) => plain(`${snapshotName(one)}  ${done}`)).join("\n"));
        });
      },
    );
}

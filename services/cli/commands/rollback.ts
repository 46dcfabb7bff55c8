import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { authorText } from "../../composition/champions.ts";
import { CHAMPION } from "../../composition/in-use.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { AliasChange } from "../../registry/registry.ts";
import { checkComponent } from "../../releases/named-snapshots.ts";
import type { OrderDeps, RolledBack } from "../../releases/orders.ts";
import { releaseRules } from "../../releases/release-rules.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { personOf, type ReasonFlag, withReason } from "../flags/reason-flag.ts";
import { parseCount } from "../flags/reference.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";
import { printAliasChange } from "../text/alias-change.ts";
import { noteMissing } from "../text/release-text.ts";

interface RollbackFlags extends ConnectionFlags, ReasonFlag {
  readonly alias?: string;
  readonly to?: number;
  readonly json?: true;
}

export function rollbackCommand(context: CliContext): Command {
  return withPeers(
    withReason(
      new Command("rollback")
        .summary("put an earlier release in use again, or what a component had before")
        .description(
          `Puts the composition of the release before in use again, or with --to that of any release. With a component, puts back in use what was in use of it before, and leaves the others as they are; with --alias, points another alias back at the snapshot before. Repeat to go back further. Under a gate, what was in use is on hold: it is not promoted again until \`uncouple resume\`, and newer snapshots are not affected. Otherwise what it moves is pinned, until \`uncouple alias COMPONENT ${CHAMPION} --remove\`. A freeze does not prevent it.`,
        )
        .argument("[component]", "the component to roll back; default: all, as one release")
        .option("--to <release>", "number of the release to put in use again", parseCount),
    )
      .option("--alias <name>", `with a component: the alias to roll back (default: ${CHAMPION})`)
      .option("--json", "print JSON: { release, restored, held, missing }; with a component, the change of its alias"),
    "registry",
  )
    .addHelpText(
      "after",
      '\nExamples:\n  uncouple rollback --reason "revenue fell"\n  uncouple rollback --to 12\n  uncouple rollback m1\n  uncouple rollback m1 --alias audited\n',
    )
    .action(async (component: string | undefined, flags: RollbackFlags) => {
      const output = createOutput(context, flags.json === true);
      if (component !== undefined && flags.to !== undefined) {
        throw new UncoupleError("invalid-argument", "give a component or --to, not both: a release has all components");
      }
      if (component === undefined && flags.alias !== undefined) {
        throw new UncoupleError("invalid-argument", "--alias needs a component");
      }
      await withConnections(context, flags, async (connections) => {
        const deps = { ...(await connections.place(component)), clock: context.clock };
        if (component === undefined) await rollbackAll(deps, context, flags, output);
        else await rollbackOne(deps, component, context, flags, output);
      });
    });
}

async function rollbackAll(deps: OrderDeps, context: CliContext, flags: RollbackFlags, output: Output): Promise<void> {
  const { rollbackReleases } = await import("../../releases/orders.ts");
  const done = await rollbackReleases(deps, { ...personOf(context, flags), to: flags.to });
  output.result(done, () => plain(rolledBackText(done)));
  noteMissing(done.missing, output.note);
}

function rolledBackText({ release, restored, held }: RolledBack): string {
  const on = held.length === 0 ? "" : `; on hold: ${held.map(snapshotName).join(", ")}`;
  const pinned = release.pinned.length === 0 ? "" : `; pinned: ${release.pinned.join(", ")}`;
  return `release ${release.number}: the composition of release ${restored} is in use again${on}${pinned}`;
}

function inUseText({ component, serial, previous }: AliasChange): string {
  const name = (one: number | null) => (one === null ? "nothing" : snapshotName({ component, serial: one }));
  return `${name(serial)} is in use again (previously ${name(previous)}, which is on hold)`;
}

async function rollbackOne(
  { backplane, pipeline, clock }: OrderDeps,
  component: string,
  context: CliContext,
  flags: RollbackFlags,
  output: Output,
): Promise<void> {
  const { alias = CHAMPION } = flags;
  const request = { component, ...personOf(context, flags) };
  if (alias !== CHAMPION) {
    const change = await backplane.registry.rollback(component, alias, authorText(request));
    return printAliasChange(change, backplane.quarantines, output);
  }
  const { components, gate } = await releaseRules(backplane);
  checkComponent(component, { pipeline, components });
  const { rollbackComponent } = await import("../../releases/pin.ts");
  const change = await rollbackComponent({ backplane, pipeline, clock }, request);
  // A gate that enforces needs no pin, so no alias points there.
  if (gate?.mode === "enforce") return output.result(change, () => plain(inUseText(change)));
  await printAliasChange(change, backplane.quarantines, output);
}

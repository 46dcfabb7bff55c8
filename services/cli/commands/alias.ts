import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { CHAMPION } from "../../composition/in-use.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { AliasChange } from "../../registry/registry.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { type CliContext, userName } from "../context/context.ts";
import { parseSerial } from "../flags/reference.ts";
import { createOutput, type Output } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

interface AliasFlags extends ConnectionFlags {
  readonly remove?: true;
  readonly reason?: string;
  readonly json?: true;
}

export function aliasCommand(context: CliContext): Command {
  return withPeers(
    new Command("alias")
      .summary("point an alias at a snapshot, or list aliases")
      .description(
        `Points an alias of a component at a snapshot, or removes it. Without a name, lists the aliases of the component and the log of their changes, which is never rewritten. The \`${CHAMPION}\` is the snapshot in use: new snapshots are judged against it.`,
      )
      .argument("<component>")
      .argument("[name]", `for example ${CHAMPION}`)
      .argument("[serial]", "serial number of the snapshot", parseSerial)
      .option("--remove", "remove the alias")
      .option("--reason <text>", "reason to record in the log")
      .option("--json", "print JSON: the change or, without a name, { aliases, log }"),
    "registry",
  )
    .addHelpText(
      "after",
      `\nExamples:\n  uncouple alias m2\n  uncouple alias m2 ${CHAMPION} 3 --reason "passed the audit"\n  uncouple alias m2 candidate --remove\n`,
    )
    .action(async (component: string, name: string | undefined, serial: number | undefined, flags: AliasFlags) => {
      const output = createOutput(context, flags.json === true);
      if (name !== undefined && (serial === undefined) === (flags.remove === undefined)) {
        throw new UncoupleError("invalid-argument", "give either a serial number or --remove");
      }
      await withConnections(context, flags, async (connections) => {
        const { registry, quarantines } = await connections.backplane(component);
        const aliases = await registry.aliases(component);
        if (name === undefined) {
          const log = await registry.aliasLog(component);
          output.result({ aliases, log }, (style, width) => aliasTable(component, log, style, width));
          return;
        }
        const by = byText(context, flags.reason);
        const change = await registry.setAlias(component, name, serial ?? null, aliases[name] ?? null, by);
        output.result(change, () => changeText(change));
        await warnOfQuarantine(change, quarantines, output);
      });
    });
}

export function rollbackCommand(context: CliContext): Command {
  return withPeers(
    new Command("rollback")
      .summary("undo the last change of an alias")
      .description(
        "Points an alias back at the snapshot that it pointed at before its last change. Repeat to go back further.",
      )
      .argument("<component>")
      .option("--alias <name>", "the alias to roll back", CHAMPION)
      .option("--reason <text>", "reason to record in the log")
      .option("--json", "print JSON: the change"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple rollback m1\n")
    .action(async (component: string, flags: AliasFlags & { readonly alias: string }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { registry, quarantines } = await connections.backplane(component);
        const change = await registry.rollback(component, flags.alias, byText(context, flags.reason));
        output.result(change, () => changeText(change));
        await warnOfQuarantine(change, quarantines, output);
      });
    });
}

/** An alias may point at a quarantined snapshot, which is never used: the newest valid one is in use instead. */
async function warnOfQuarantine(change: AliasChange, quarantines: Backplane["quarantines"], output: Output) {
  if (change.serial === null) return;
  const quarantine = await quarantines.get(change.component, change.serial);
  if (quarantine === undefined) return;
  const { reason, detail } = quarantine;
  output.note(plain(`${snapshotName(quarantine)} is quarantined and will not be used: ${reason}: ${detail}`));
}

/** Author and reason for the log. */
function byText({ env }: CliContext, reason: string | undefined): string {
  const who = userName(env);
  return reason === undefined ? who : `${who}: ${reason}`;
}

function changeText({ component, alias, serial, previous }: AliasChange): string {
  const place = (at: number | null) => (at === null ? "nothing" : snapshotName({ component, serial: at }));
  return plain(`${alias} of ${component} now points at ${place(serial)} (previously ${place(previous)})`);
}

function aliasTable(component: string, log: readonly AliasChange[], style: Style, width: number): string {
  if (log.length === 0) return `no aliases of ${plain(component)} yet`;
  const titles = ["ALIAS", "SNAPSHOT", "PREVIOUS", "CHANGE", "BY", "TIME"];
  const place = (at: number | null) => (at === null ? "nothing" : snapshotName({ component, serial: at }));
  const newest = new Map(log.map((change) => [change.alias, change]));
  return formatTable(
    titles.map((title) => ({ title, wraps: title === "BY" })),
    log.map((change) => {
      const row = [change.alias, place(change.serial), place(change.previous), change.kind, change.by, change.at].map(
        plain,
      );
      return newest.get(change.alias) === change ? row.map(style.bold) : row;
    }),
    style,
    width,
  );
}

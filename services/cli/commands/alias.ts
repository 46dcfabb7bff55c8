import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { aliasesNow, aliasHistory, authorText } from "../../composition/champions.ts";
import { CHAMPION } from "../../composition/in-use.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { AliasChange, Registry } from "../../registry/registry.ts";
import type { ChampionRequest, PinDeps } from "../../releases/pin.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { personOf } from "../flags/reason-flag.ts";
import { parseSerial } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { printAliasChange } from "../text/alias-change.ts";

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
        `Points an alias of a component at a snapshot, or removes it. Without a name, lists the aliases of the component and the log of their changes, which is never rewritten. The \`${CHAMPION}\` is the snapshot that a person chose: it stays in use, and new snapshots are judged against it, until it is moved or removed. From the first release on, moving it writes a release.`,
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
        const { backplane, pipeline } = await connections.place(component);
        if (name === undefined) {
          const aliases = (await aliasesNow(backplane, [component])).get(component) ?? {};
          const log = await aliasHistory(backplane, component);
          output.result({ aliases, log }, (style, width) => aliasTable(component, log, style, width));
          return;
        }
        const deps = { backplane, pipeline, clock: context.clock };
        const request = { component, ...personOf(context, flags) };
        const change = await (name === CHAMPION
          ? moveChampion(deps, request, serial)
          : moveAlias(backplane.registry, request, name, serial));
        await printAliasChange(change, backplane.quarantines, output);
      });
    });
}

/** @param serial undefined: removes it */
async function moveChampion(deps: PinDeps, request: ChampionRequest, serial: number | undefined): Promise<AliasChange> {
  const { pinComponent, unpinComponent } = await import("../../releases/pin.ts");
  return serial === undefined ? unpinComponent(deps, request) : pinComponent(deps, request, serial);
}

async function moveAlias(
  registry: Registry,
  { component, ...person }: ChampionRequest,
  alias: string,
  serial: number | undefined,
): Promise<AliasChange> {
  const { [alias]: now = null } = await registry.aliases(component);
  return registry.setAlias(component, alias, serial ?? null, now, authorText(person));
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

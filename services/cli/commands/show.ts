import { Command } from "commander";
import { aliasesNow } from "../../composition/champions.ts";
import { titleOf } from "../../pipeline/manifest.ts";
import { DeletedError, type Tombstone } from "../../pipeline/tombstone.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { parseReference, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain } from "../terminal/style.ts";
import { manifestFacts, manifestJson } from "../text/manifest-text.ts";
import { usersOf } from "../text/users-text.ts";
import { quarantineLine, verdictLines } from "../text/verdict-text.ts";

export function showCommand(context: CliContext): Command {
  return withPeers(
    new Command("show")
      .summary("show all details of a snapshot")
      .description("Shows the manifest, the aliases and the verdict of a snapshot.")
      .argument("<component@serial>", "for example m2@3", parseReference)
      .option("--json", "print JSON: { manifest, aliases, verdict, quarantine, deleted, usedBy }"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple show m1@3\n")
    .action(async ({ component, serial }: SnapshotReference, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const backplane = await connections.backplane(component);
        const { registry, verdicts, quarantines, retention } = backplane;
        const manifest = await registry.manifest(component, serial);
        const pointing = Object.entries((await aliasesNow(backplane, [component])).get(component) ?? {});
        const aliases = pointing.filter(([, to]) => to === serial).map(([alias]) => alias);
        const verdict = (await verdicts.get(component, serial)) ?? null;
        const quarantine = (await quarantines.get(component, serial)) ?? null;
        const deleted = (await retention.tombstone(component, serial)) ?? null;
        const usedBy = usersOf(manifest, (await retention.state()).references);
        const facts: readonly (readonly [string, string])[] = [
          ["snapshot", titleOf(manifest, manifest.provenance.origin)],
          ["pipeline", manifest.pipeline],
          ["aliases", aliases.length === 0 ? "-" : aliases.join(", ")],
          ...(usedBy.length === 0 ? [] : [["used by", usedBy.join(", ")] as const]),
          ...manifestFacts(manifest),
        ];
        output.result({ manifest: manifestJson(manifest), aliases, verdict, quarantine, deleted, usedBy }, (style) =>
          [
            ...facts.map(([name, value]) => `${style.dim(name.padEnd(15))}${plain(value)}`),
            ...(verdict === null ? [] : ["", ...verdictLines(verdict, style)]),
            ...(quarantine === null ? [] : ["", quarantineLine(quarantine, style)]),
            ...(deleted === null
              ? []
              : ["", style.yellow(plain(`${new DeletedError(deleted).message}, by ${deleted.by}`))]),
            ...(verdict === null && quarantine === null ? ["", style.dim(noVerdict(deleted))] : []),
          ].join("\n"),
        );
      });
    });
}

/** The verdicts of deleted snapshots are removed. */
function noVerdict(deleted: Tombstone | null): string {
  return deleted === null ? "not judged yet" : "its verdict is no longer kept";
}

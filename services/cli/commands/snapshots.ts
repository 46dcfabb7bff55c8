import { Command } from "commander";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { formatNumber } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { createOutput } from "../terminal/output.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { nothingYet } from "../text/nothing-yet.ts";

/** A snapshot with its aliases and verdict. */
interface SnapshotRow {
  readonly manifest: SnapshotManifest;
  readonly aliases: readonly string[];
  /** The kind of its verdict, `quarantined`, or null if it has not been judged yet. */
  readonly verdict: string | null;
}

export function snapshotsCommand(context: CliContext): Command {
  return withPeers(
    new Command("snapshots")
      .summary("list published snapshots")
      .description("Lists the snapshots in the registry, oldest first, with their verdicts and aliases.")
      .argument("[component]", "list only the snapshots of this component")
      .option("--json", "print JSON: [{ manifest, aliases, verdict }]"),
    "registry",
  )
    .addHelpText("after", "\nExamples:\n  uncouple snapshots\n  uncouple snapshots m2 --json\n")
    .action(async (component: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { registry, verdicts, quarantines } = await connections.backplane(component);
        const all = await registry.list();
        const manifests = all.filter((manifest) => component === undefined || manifest.component === component);
        const judged = new Map(
          (await verdicts.list()).map((verdict) => [snapshotName(verdict), verdict.kind as string]),
        );
        for (const quarantine of await quarantines.list()) judged.set(snapshotName(quarantine), "quarantined");
        const components = [...new Set(manifests.map((manifest) => manifest.component))];
        const aliases = new Map(
          await Promise.all(components.map(async (name) => [name, await registry.aliases(name)] as const)),
        );
        const rows = manifests.map((manifest): SnapshotRow => {
          const pointing = Object.entries(aliases.get(manifest.component) ?? {});
          return {
            manifest,
            aliases: pointing.filter(([, serial]) => serial === manifest.serial).map(([alias]) => alias),
            verdict: judged.get(snapshotName(manifest)) ?? null,
          };
        });
        const published = all.map((manifest) => manifest.component);
        output.result(rows, (style, width) =>
          rows.length === 0 ? nothingYet("snapshots", component, published) : snapshotTable(rows, style, width),
        );
      });
    });
}

function snapshotTable(rows: readonly SnapshotRow[], style: Style, width: number): string {
  const titles = ["SNAPSHOT", "MODEL", "PROTOCOL", "TRAINED ON", "LOSS", "KB", "VERDICT", "ALIASES", "PUBLISHED"];
  const wrapping = ["MODEL", "PROTOCOL", "TRAINED ON", "ALIASES"];
  return formatTable(
    titles.map((title) => ({ title, number: title === "LOSS" || title === "KB", wraps: wrapping.includes(title) })),
    rows.map(({ manifest, aliases, verdict }) => [
      plain(snapshotName(manifest)),
      plain(manifest.model),
      plain(formatProtocol(manifest.protocol)),
      plain(upstreamText(manifest)),
      formatNumber(manifest.trainingLoss),
      (manifest.size / 1000).toFixed(1),
      verdict === null ? style.dim("not judged") : colored(style, verdict),
      plain(aliases.join(", ")),
      plain(manifest.finishedAt),
    ]),
    style,
    width,
  );
}

/** The snapshots that the inputs were imputed with: `m1@1`. */
export function upstreamText({ upstream }: SnapshotManifest): string {
  const names = Object.entries(upstream).map(([component, serial]) => snapshotName({ component, serial }));
  return names.length === 0 ? "-" : names.join(", ");
}

import { Command } from "commander";
import { aliasesNow } from "../../composition/champions.ts";
import { type SnapshotManifest, snapshotName, titleOf, type UnreadableSnapshot } from "../../pipeline/manifest.ts";
import type { Tombstone } from "../../pipeline/tombstone.ts";
import { formatNumber } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { createOutput } from "../terminal/output.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { manifestJson, upstreamText } from "../text/manifest-text.ts";
import { nothingYet } from "../text/nothing-yet.ts";
import { usersOf } from "../text/users-text.ts";

/** A snapshot with its aliases and verdict. */
interface SnapshotRow {
  /** Null if this version cannot read it. */
  readonly manifest: SnapshotManifest | null;
  readonly unreadable?: UnreadableSnapshot;
  readonly aliases: readonly string[];
  /** Of a model that was deleted by policy. */
  readonly deleted: Tombstone | null;
  /** Other pipelines that use it. */
  readonly usedBy: readonly string[];
  /** The kind of its verdict, `quarantined`, or null if it has not been judged yet. */
  readonly verdict: string | null;
}

export function snapshotsCommand(context: CliContext): Command {
  return withPeers(
    new Command("snapshots")
      .summary("list published snapshots")
      .description("Lists the snapshots in the registry, oldest first, with their verdicts and aliases.")
      .argument("[component]", "list only the snapshots of this component")
      .option("--json", "print JSON: [{ manifest, aliases, verdict, deleted, usedBy, unreadable }]"),
    "registry",
  )
    .addHelpText("after", "\nExamples:\n  uncouple snapshots\n  uncouple snapshots m2 --json\n")
    .action(async (component: string | undefined, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const backplane = await connections.backplane(component);
        const { registry, verdicts, quarantines, retention } = backplane;
        const all = await registry.list();
        const manifests = all.filter((manifest) => component === undefined || manifest.component === component);
        const unreadable = await registry.unreadable(component);
        const judged = new Map(
          (await verdicts.list()).map((verdict) => [snapshotName(verdict), verdict.kind as string]),
        );
        for (const quarantine of await quarantines.list()) judged.set(snapshotName(quarantine), "quarantined");
        const tombstones = new Map(
          (await retention.tombstones()).map((tombstone) => [snapshotName(tombstone), tombstone]),
        );
        const { references } = await retention.state();
        const components = [...new Set([...manifests, ...unreadable].map((snapshot) => snapshot.component))];
        const aliases = await aliasesNow(backplane, components);
        const outcome = (snapshot: { readonly component: string; readonly serial: number }) => ({
          aliases: Object.entries(aliases.get(snapshot.component) ?? {}).flatMap(([alias, serial]) =>
            serial === snapshot.serial ? [alias] : [],
          ),
          verdict: judged.get(snapshotName(snapshot)) ?? null,
          deleted: tombstones.get(snapshotName(snapshot)) ?? null,
          usedBy: usersOf(snapshot, references),
        });
        const rows: readonly SnapshotRow[] = [
          ...manifests.map((manifest) => ({ manifest, ...outcome(manifest) })),
          ...unreadable.map((snapshot) => ({ manifest: null, unreadable: snapshot, ...outcome(snapshot) })),
        ];
        const published = all.map((manifest) => manifest.component);
        const json = rows.map((row) => ({ ...row, manifest: row.manifest && manifestJson(row.manifest) }));
        output.result(json, (style, width) =>
          rows.length === 0 ? nothingYet("snapshots", component, published) : snapshotTable(rows, style, width),
        );
      });
    });
}

function snapshotTable(rows: readonly SnapshotRow[], style: Style, width: number): string {
  const titles = ["SNAPSHOT", "MODEL", "PROTOCOL", "TRAINED ON", "LOSS", "KB", "VERDICT", "ALIASES", "PUBLISHED"];
  const wrapping = ["MODEL", "PROTOCOL", "TRAINED ON", "ALIASES"];
  const table = formatTable(
    titles.map((title) => ({ title, number: title === "LOSS" || title === "KB", wraps: wrapping.includes(title) })),
    rows.map((row) => tableRow(row, style)),
    style,
    width,
  );
  const reasons = rows.flatMap(({ unreadable }) =>
    unreadable === undefined ? [] : [`${plain(snapshotName(unreadable))} is unreadable: ${plain(unreadable.reason)}`],
  );
  const deleted = rows.filter((row) => row.deleted !== null).length;
  const gone = deleted === 0 ? [] : [style.dim(`${deleted} models were deleted by policy; uncouple show tells when`)];
  const used = rows.flatMap(({ manifest, usedBy }) =>
    manifest === null || usedBy.length === 0
      ? []
      : [plain(`${snapshotName(manifest)} is used by ${usedBy.join(", ")}`)],
  );
  return [table, ...reasons, ...used, ...gone].join("\n");
}

function tableRow({ manifest, unreadable, aliases, verdict, deleted }: SnapshotRow, style: Style): string[] {
  const outcome = verdict === null ? style.dim("not judged") : colored(style, verdict);
  const pointing = plain(aliases.join(", "));
  if (manifest === null) {
    const name = unreadable === undefined ? "" : plain(snapshotName(unreadable));
    return [name, "-", "-", "-", "-", "-", style.red("unreadable"), pointing, "-"];
  }
  const { model, protocol, trainingLoss } = manifest.provenance;
  return [
    plain(titleOf(manifest, manifest.provenance.origin)),
    plain(model ?? "-"),
    protocol === undefined ? "-" : plain(formatProtocol(protocol)),
    plain(upstreamText(manifest)),
    trainingLoss === undefined ? "-" : formatNumber(trainingLoss),
    deleted === null ? (manifest.size / 1000).toFixed(1) : style.dim("deleted"),
    outcome,
    pointing,
    plain(manifest.publishedAt),
  ];
}

import { Command } from "commander";
import { type SnapshotManifest, snapshotName, type TensorSpec } from "../../pipeline/manifest.ts";
import { formatNumber } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { parseReference, type SnapshotReference } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { alternativeLines, quarantineLine, verdictLine } from "../text/verdict-text.ts";
import { upstreamText } from "./snapshots.ts";

export function showCommand(context: CliContext): Command {
  return withPeers(
    new Command("show")
      .summary("show all details of a snapshot")
      .description("Shows the manifest, the aliases and the verdict of a snapshot.")
      .argument("<component@serial>", "for example m2@3", parseReference)
      .option("--json", "print JSON: { manifest, aliases, verdict, quarantine }"),
    "registry",
  )
    .addHelpText("after", "\nExample:\n  uncouple show m1@3\n")
    .action(async ({ component, serial }: SnapshotReference, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      await withConnections(context, flags, async (connections) => {
        const { registry, verdicts, quarantines } = await connections.backplane(component);
        const manifest = await registry.manifest(component, serial);
        const pointing = Object.entries(await registry.aliases(component));
        const aliases = pointing.filter(([, to]) => to === serial).map(([alias]) => alias);
        const verdict = (await verdicts.get(component, serial)) ?? null;
        const quarantine = (await quarantines.get(component, serial)) ?? null;
        output.result({ manifest, aliases, verdict, quarantine }, (style) =>
          [
            ...facts(manifest, aliases).map(([name, value]) => `${style.dim(name.padEnd(15))}${plain(value)}`),
            ...(verdict === null ? [] : ["", verdictLine(verdict, style), ...alternativeLines(verdict, style)]),
            ...(quarantine === null ? [] : ["", quarantineLine(quarantine, style)]),
            ...(verdict === null && quarantine === null ? ["", notJudged(style)] : []),
          ].join("\n"),
        );
      });
    });
}

function notJudged(style: Style): string {
  return style.dim("not judged yet");
}

function facts(manifest: SnapshotManifest, aliases: readonly string[]): (readonly [string, string])[] {
  const { parent, component, optimiser: optimizer, schedule } = manifest;
  return [
    ["snapshot", snapshotName(manifest)],
    ["pipeline", manifest.pipeline],
    ["aliases", aliases.length === 0 ? "-" : aliases.join(", ")],
    ["parent", parent === null ? "none" : snapshotName({ component, serial: parent })],
    ["model", manifest.model],
    ["inputs", manifest.inputs.map(tensorText).join(", ")],
    ["output", tensorText(manifest.output)],
    ["protocol", formatProtocol(manifest.protocol)],
    ...(manifest.counterfactual === undefined ? [] : [["counterfactual", manifest.counterfactual] as const]),
    ["trained on", upstreamText(manifest)],
    [
      "optimizer",
      `${optimizer.name}, learning rate ${optimizer.learningRate}, ${schedule.warmup} warmup steps, decay ${schedule.decay}`,
    ],
    ["steps", `${manifest.steps}, batch size ${manifest.batch}`],
    ["seed", String(manifest.seed)],
    ["training loss", formatNumber(manifest.trainingLoss)],
    ["data", `${manifest.data.rows} rows, fingerprint ${manifest.data.fingerprint.slice(0, 16)}`],
    ["engine", manifest.engine],
    ["model file", `${manifest.size} bytes, opset ${manifest.opset}, sha256 ${manifest.digest}`],
    ["run", `${manifest.runId}, code ${manifest.codeVersion}`],
    ["time", `${manifest.startedAt} to ${manifest.finishedAt}`],
  ];
}

function tensorText({ name, kind, width }: TensorSpec): string {
  return kind === "categorical" ? `${name} (text)` : `${name} [${width}]`;
}

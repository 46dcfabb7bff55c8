import { Command } from "commander";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { PipelineMatrix } from "../../pipeline/verdict.ts";
import { formatNumber } from "../../report/numbers.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { gapText } from "../text/consistency-text.ts";

export function matrixCommand(context: CliContext): Command {
  return withPeers(
    new Command("matrix")
      .summary("show the pipeline loss of every pair of snapshots")
      .description(
        "Shows, for each edge of the pipeline, the pipeline loss of every retained upstream snapshot (columns) with every retained downstream snapshot (rows), on held-out rows and with the current snapshots of all other components. Lower is better. With audit.held_out in the pipeline file, a line below each matrix has the consistency gap of the snapshots in use.",
      )
      .option("--json", "print JSON: [{ upstream, downstream, upstreamSerials, downstreamSerials, cells, gap }]"),
    "evaluator",
  )
    .addHelpText("after", "\nExamples:\n  uncouple matrix\n  uncouple matrix --json | jq '.[0].cells'\n")
    .action(async (flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      const edges = await withConnections(context, flags, async (connections) =>
        (await connections.evaluator()).matrix(),
      );
      output.result(edges, (style) =>
        edges.length === 0 ? "the pipeline has no edges" : edges.map((edge) => matrixText(edge, style)).join("\n"),
      );
    });
}

export function matrixText(edge: PipelineMatrix, style: Style): string {
  const { upstream, downstream, upstreamSerials, downstreamSerials, cells, gap } = edge;
  const losses = new Map(cells.map((cell) => [`${cell.upstreamSerial}/${cell.downstreamSerial}`, cell.loss]));
  if (upstreamSerials.length === 0 || downstreamSerials.length === 0) {
    return `${plain(`${upstream} -> ${downstream}`)}: no pair of snapshots yet\n`;
  }
  const table = formatTable(
    [
      { title: `${plain(downstream)} \\ ${plain(upstream)}` },
      ...upstreamSerials.map((serial) => ({
        title: plain(snapshotName({ component: upstream, serial })),
        number: true,
      })),
    ],
    downstreamSerials.map((down) => [
      style.bold(plain(snapshotName({ component: downstream, serial: down }))),
      ...upstreamSerials.map((up) => formatNumber(losses.get(`${up}/${down}`))),
    ]),
    style,
  );
  return gap === undefined ? table : `${table}${gapText(gap)}\n`;
}

import { snapshotName } from "../../pipeline/manifest.ts";
import type { CellDifference, MatrixCell, PipelineMatrix } from "../../pipeline/verdict.ts";
import { gridFormat } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { signedChangeText } from "./comparison-text.ts";
import { gapText } from "./consistency-text.ts";
import { reasonText } from "./verdict-text.ts";

/** All that `uncouple matrix` prints for people: a grid of losses for each edge, and its differences if they were asked for. */
export function matricesText(edges: readonly PipelineMatrix[], style: Style): string {
  if (edges.length === 0) return "the pipeline has no edges";
  const intervals = edges[0]?.intervals;
  return [
    ...edges.flatMap((edge) =>
      intervals === undefined ? [matrixText(edge, style)] : [matrixText(edge, style), differencesText(edge, style)],
    ),
    ...(intervals === undefined || intervals.compared === 0 ? [] : [style.dim(methodText(intervals))]),
  ].join("\n");
}

function matrixText(edge: PipelineMatrix, style: Style): string {
  const { upstream, downstream, upstreamSerials, downstreamSerials } = edge;
  if (upstreamSerials.length === 0 || downstreamSerials.length === 0) {
    return `${plain(`${upstream} -> ${downstream}`)}: no pair of snapshots yet\n`;
  }
  const cells = new Map(edge.cells.map((cell) => [`${cell.upstreamSerial}/${cell.downstreamSerial}`, cell]));
  const rows = downstreamSerials.map((down) => upstreamSerials.map((up) => cells.get(`${up}/${down}`)));
  const format = gridFormat(rows.map((row) => row.map((cell) => cell?.loss)));
  const cellText = (cell: MatrixCell | undefined) => {
    const text = format(cell?.loss);
    return cell !== undefined && isInUse(edge, cell) ? style.bold(`*${text}`) : text;
  };
  const table = formatTable(
    [
      { title: `${plain(downstream)} \\ ${plain(upstream)}` },
      ...upstreamSerials.map((serial) => ({
        title: plain(snapshotName({ component: upstream, serial })),
        number: true,
      })),
    ],
    rows.map((row, i) => [
      style.bold(plain(snapshotName({ component: downstream, serial: downstreamSerials[i] as number }))),
      ...row.map(cellText),
    ]),
    style,
  );
  const mark = edge.cells.some((cell) => isInUse(edge, cell)) ? `${style.dim("* in use")}\n` : "";
  return `${table}${mark}${edge.gap === undefined ? "" : `${gapText(edge.gap)}\n`}`;
}

/** One line per cell, in the order of serials: its difference to the cell in use. */
function differencesText(edge: PipelineMatrix, style: Style): string {
  const { upstream, downstream, cells } = edge;
  const loss = cells.find((cell) => isInUse(edge, cell))?.loss;
  const compared = cells.flatMap(({ comparison, ...cell }) =>
    comparison === undefined ? [] : [{ ...cell, comparison }],
  );
  if (loss === undefined || compared.length === 0) {
    return `${plain(`${upstream} -> ${downstream}`)}: nothing to compare with the pair in use\n`;
  }
  return formatTable(
    [{ title: plain(upstream) }, { title: plain(downstream) }, { title: "KIND" }, { title: "CHANGE" }],
    compared.map((cell) => [
      plain(snapshotName({ component: upstream, serial: cell.upstreamSerial })),
      plain(snapshotName({ component: downstream, serial: cell.downstreamSerial })),
      colored(style, cell.comparison.kind),
      changeText(cell.comparison, loss),
    ]),
    style,
  );
}

/** `-12 % [-15, -9]`. @param loss of the cell in use */
function changeText(comparison: CellDifference, loss: number): string {
  const [low, high] = comparison.interval;
  const text = signedChangeText({ ...comparison, low, high }, loss);
  return comparison.reason === undefined ? text : `${text}, ${reasonText(comparison.reason)}`;
}

export function isInUse({ current }: PipelineMatrix, cell: MatrixCell): boolean {
  return cell.upstreamSerial === current?.upstreamSerial && cell.downstreamSerial === current.downstreamSerial;
}

function methodText({ level, compared }: NonNullable<PipelineMatrix["intervals"]>): string {
  return `differences to the pair in use, with intervals corrected for ${compared} compositions; at ${100 * level} %, all kinds hold together\n`;
}

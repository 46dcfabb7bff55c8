import { formatNumber } from "../../report/numbers.ts";
import type { CandidateComparison, Comparisons } from "../../verdicts/paired/compare-candidates.ts";
import type { SliceComparison } from "../../verdicts/paired/compare-slices.ts";
import { FEWEST_UNITS } from "../../verdicts/paired/floor.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** All that `uncouple compare` prints for people. */
export function comparisonsText(comparisons: Comparisons, minimumEffect: number, style: Style): string {
  return [
    ...comparisons.results.flatMap((result) => [...resultLines(result, comparisons, minimumEffect, style), ""]),
    style.dim(methodText(comparisons)),
    "",
  ].join("\n");
}

function resultLines(
  result: CandidateComparison,
  comparisons: Comparisons,
  minimumEffect: number,
  style: Style,
): string[] {
  const { candidate, kind, currentLoss, difference, harm, gain, worst, negativeFlips, slices } = result;
  const change = signedChangeText(result, currentLoss);
  const flips =
    negativeFlips &&
    `  negative flips ${percent(negativeFlips.rate)} of rows [${negativeFlips.interval.map((end) => formatNumber(100 * end)).join(", ")}]: right before, wrong now`;
  return [
    `${style.bold(plain(candidate))}  ${colored(style, kind)}: loss ${formatNumber(currentLoss)} -> ${formatNumber(currentLoss + difference)}, ${change}${comparisons.bound === null ? "" : ` (losses above ${formatNumber(comparisons.bound)} count as that)`}`,
    ...reasonLines(result, comparisons, minimumEffect),
    `  harm ${formatNumber(harm)}, gain ${formatNumber(gain)} per row; the worst 1 % of rows change by ${signed(worst)}`,
    ...(flips === undefined ? [] : [flips]),
    ...(slices === undefined ? [] : sliceLines(slices, style)),
  ];
}

/** `-1.2 % [-1.9, -0.5]`, or the same in units of the loss if the current loss is 0. */
export function signedChangeText(
  { difference, relative, low, high }: Pick<CandidateComparison, "difference" | "relative" | "low" | "high">,
  currentLoss: number,
): string {
  const ends = [low, high];
  if (relative === null) return `${signed(difference)} [${ends.map(signed).join(", ")}]`;
  const scale = 100 / Math.abs(currentLoss);
  return `${signed(100 * relative)} % [${ends.map((end) => signed(end * scale)).join(", ")}]`;
}

/** What these rows could tell, where they do not decide. */
function reasonLines(result: CandidateComparison, { rows, groups }: Comparisons, minimumEffect: number): string[] {
  const { kind, reason, currentLoss, detectable, rowsNeeded, skewness } = result;
  const needed = rowsNeeded === null ? undefined : rowsNeeded.toLocaleString("en-US");
  const units = groups ?? rows;
  if (units < FEWEST_UNITS) {
    return [`  too few ${groups === null ? "rows" : "groups"}: ${units}; at least ${FEWEST_UNITS} are needed`];
  }
  if (reason === "too-few-rows") {
    return [
      `  too few rows for such a tail: with skewness ${formatNumber(skewness)}, about ${needed} rows would do; or declare a --loss-limit`,
    ];
  }
  if (kind === "equivalent") return [`  all of the interval lies within ${percent(minimumEffect)} of the current loss`];
  if (kind !== "inconclusive") return [];
  const apart = currentLoss === 0 ? formatNumber(detectable) : percent(detectable / Math.abs(currentLoss));
  const seen = needed === undefined ? "" : `; the difference seen would need ${needed}`;
  return [`  ${rows.toLocaleString("en-US")} rows tell apart ${apart}${seen}`];
}

function sliceLines({ slices, tooSmall, worst }: NonNullable<CandidateComparison["slices"]>, style: Style): string[] {
  const name = ({ column, value }: { readonly column: string; readonly value: string }) => plain(`${column}=${value}`);
  const row = (slice: SliceComparison) => [
    `  ${name(slice)}`,
    slice.rows.toLocaleString("en-US"),
    colored(style, slice.kind),
    signedChangeText({ ...slice, low: slice.interval[0], high: slice.interval[1] }, slice.currentLoss),
    slice.reason === undefined ? "" : "too few rows for such a tail",
  ];
  const table =
    slices.length === 0
      ? []
      : formatTable(
          [
            { title: "  SLICE" },
            { title: "ROWS", number: true },
            { title: "KIND" },
            { title: "CHANGE" },
            { title: "" },
          ],
          slices.map(row),
          style,
        )
          .trimEnd()
          .split("\n");
  return [
    ...(worst === undefined ? [] : [`  worst slice ${name(worst)}: ${colored(style, worst.kind)}`]),
    ...table,
    ...(tooSmall.length === 0 ? [] : [`  too small: ${tooSmall.map(name).join(", ")}`]),
  ];
}

function methodText({ rows, groups, method, level, results }: Comparisons): string {
  const units = groups === null ? "" : ` in ${groups.toLocaleString("en-US")} groups`;
  const together = results.length > 1 ? ` that hold together for ${results.length} candidates` : "";
  const name = method === "hall" ? "intervals by Hall's transformation" : "bootstrap-t intervals";
  return `${rows.toLocaleString("en-US")} rows${units}; ${Number((100 * level).toPrecision(10))} % ${name}${together}`;
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${formatNumber(value)}`;
}

function percent(fraction: number): string {
  return `${formatNumber(100 * fraction)} %`;
}

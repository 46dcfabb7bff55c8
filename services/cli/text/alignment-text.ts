import { formatPercent } from "../../report/numbers.ts";
import { type Alignment, FEWEST_UPDATES } from "../../verdicts/alignment.ts";
import { plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** A table of alignments, and a sentence on each. */
export function alignmentText(alignments: readonly Alignment[], style: Style): string {
  return [
    formatTable(
      [
        { title: "COMPONENT" },
        { title: "UPDATES", number: true },
        { title: "TAU", number: true },
        { title: "95 % INTERVAL" },
        { title: "IMPROVED", number: true },
        { title: "OF THEM HARMFUL", number: true },
      ],
      alignments.map(({ component, points, tau, interval, improved, harmful }) => [
        style.bold(plain(component)),
        `${points.length}`,
        tau === null ? "-" : tau.toFixed(2),
        interval === null ? "" : `[${interval.map((end) => end.toFixed(2)).join(", ")}]`,
        `${improved}`,
        `${harmful}`,
      ]),
      style,
    ),
    ...alignments.map((alignment) => plain(alignmentSentence(alignment))),
    "",
  ].join("\n");
}

/** What the value means. */
export function alignmentSentence({ component, points, tau, interval }: Alignment): string {
  if (points.length > 0 && points.every(({ own, pipeline }) => own === pipeline)) {
    return `${component}: its own loss is the pipeline loss.`;
  }
  if (points.length < FEWEST_UPDATES) {
    return `${component}: ${points.length} ${points.length === 1 ? "update has" : "updates have"} a verdict with both losses; at least ${FEWEST_UPDATES} are needed.`;
  }
  if (tau === null || interval === null) {
    return `${component}: one of the two losses never changed, so nothing can be said.`;
  }
  const share = formatPercent(50 * (1 + tau), false);
  const better = `of two updates, the one with the better own loss is also better for the pipeline in ${share} of cases`;
  if (interval[0] > 0) return `${component}: its own loss tells what helps the pipeline: ${better}.`;
  if (interval[1] < 0) return `${component}: its own loss misleads: ${better}.`;
  return `${component}: these updates do not show that its own loss tells anything about the pipeline: ${better}.`;
}

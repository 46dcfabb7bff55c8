import { movesName } from "../../pipeline/release.ts";
import { causeText } from "../../releases/cause-text.ts";
import { badge, figure, type ReportSection, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
import { lineChart } from "../../report/line-chart.ts";
import { formatNumber, formatPercent } from "../../report/numbers.ts";
import { criterionText, reasonsText } from "../text/decision-text.ts";
import { movedText } from "../text/release-text.ts";
import type { GatedResults, InUse } from "./gated-results.ts";
import { gatedConclusions } from "./gated-text.ts";

/** The sections of the demo's report about the act under a gate. */
export async function gatedSections(results: GatedResults): Promise<ReportSection[]> {
  const { gate, inUse, releases, decisions } = results;
  return [
    {
      heading: "The same update under a gate",
      text: `${gatedConclusions(results).join(" ")} The newest snapshots would have been in use without a gate.`,
      body: figure(
        await lineChart({
          label: "End-to-end loss of what is in use over time",
          xTitle: "seconds since the first pair was judged",
          yTitle: "end-to-end loss",
          logY: true,
          isStepped: true,
          series: [
            { name: "under the gate", points: pointsOf(inUse.released, results) },
            { name: "newest snapshots", points: pointsOf(inUse.newest, results) },
          ],
        }),
      ),
    },
    {
      heading: "Releases",
      text: "What was in use under the gate. Losses are measured on screen rows, and scaled so that the first pair has 100.",
      body: tableHtml(
        [{ title: "Release", number: true }, { title: "Moved" }, { title: "Loss", number: true }, { title: "By" }],
        releases.map((release, index) => [
          `${release.number}`,
          movedText(releases[index - 1], release),
          formatNumber(inUse.released[index]?.normalized),
          causeText(release),
        ]),
      ),
    },
    {
      heading: "Decisions",
      text: `What the gate decided, in order. It requires an improvement of the ${gate.measure} loss, and lets the pipeline loss rise by at most ${formatPercent(100 * gate.transitionBudget, false)}. Numbers and intervals are those of screen rows; where these promise every criterion, confirm rows answer yes or no.`,
      body: tableHtml(
        [{ title: "Update" }, { title: "Decision" }, { title: "Measured" }, { title: "Why" }],
        decisions.map(({ decision }) => [
          html`<strong>${movesName(decision.moves).replaceAll(",", ", ")}</strong>`,
          badge(decision.decision),
          html`${decision.criteria.map((criterion) => html`<span class="whole">${criterionText(criterion)}</span><br>`)}`,
          reasonsText(decision),
        ]),
      ),
    },
  ];
}

/** Losses in use from the first measured one to the end of the act, in seconds. */
function pointsOf(inUse: readonly InUse[], { inUse: all, endedAt }: GatedResults): { x: number; y: number }[] {
  const start = Date.parse(all.newest.find(({ normalized }) => normalized !== null)?.at ?? endedAt);
  const seconds = (at: string) => (Date.parse(at) - start) / 1000;
  const points = inUse.flatMap(({ at, normalized }) =>
    normalized === null ? [] : [{ x: seconds(at), y: normalized }],
  );
  const last = points.at(-1);
  return last === undefined ? [] : [...points, { x: seconds(endedAt), y: last.y }];
}

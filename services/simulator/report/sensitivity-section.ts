import { figure, type ReportSection, tableHtml } from "../../report/document.ts";
import { heatMap } from "../../report/heat-map.ts";
import { html } from "../../report/html.ts";
import type { SimulationResults } from "../measures/simulation-results.ts";
import type { RankFlip, SensitivityRow } from "../sensitivity/sensitivity.ts";

/** What changed assumptions do to the ranking of policies. */
export async function sensitivitySection(
  { policies }: SimulationResults,
  rows: readonly SensitivityRow[],
): Promise<ReportSection> {
  return {
    heading: "What the ranking depends on",
    text: `Mean losses of all policies with one assumption changed at a time, on the same seeds. ${flipsText(rows)} Flips are marked as certain if the 95 % intervals of the paired difference exclude 0 both before and after the change.`,
    body: html`${figure(
      await heatMap({
        label: "Mean loss by changed assumption and policy",
        rowTitle: "",
        columnTitle: "",
        rows: ["as in the scenario", ...rows.map(({ assumption, to }) => `${assumption}: ${to}`)],
        columns: policies.map(({ name }) => name),
        values: [
          policies.map(({ loss }) => loss.mean),
          ...rows.map((row) => row.policies.map(({ meanLoss }) => meanLoss)),
        ],
      }),
    )}${tableHtml(
      [
        { title: "Assumption" },
        { title: "From" },
        { title: "To" },
        { title: "Ranking, best first" },
        { title: "Flips" },
      ],
      rows.map(({ assumption, from, to, policies: changed, flips }) => [
        assumption,
        from,
        to,
        changed
          .toSorted((a, b) => a.meanLoss - b.meanLoss)
          .map(({ name }) => name)
          .join(", "),
        flips.length === 0 ? "none" : html`${flips.map((flip) => html`<div>${flipText(flip)}</div>`)}`,
      ]),
    )}`,
  };
}

/** One sentence about the assumptions that flip the ranking. */
export function flipsText(rows: readonly SensitivityRow[]): string {
  const flipping = rows.filter(({ flips }) => flips.length > 0);
  if (flipping.length === 0) return "No change flips the ranking.";
  const certain = flipping.filter(({ flips }) => flips.some(({ isCertain }) => isCertain));
  const named = flipping.map(({ assumption, to }) => `${assumption} (${to})`).join(", ");
  return `${flipping.length} of ${rows.length} changes ${flipping.length === 1 ? "flips" : "flip"} the order of two policies or more, ${certain.length} for certain: ${named}.`;
}

function flipText({ before, after, isCertain }: RankFlip): string {
  return `${after} passes ${before}${isCertain ? " (certain)" : ""}`;
}

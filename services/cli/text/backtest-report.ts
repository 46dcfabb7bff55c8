import { movesName } from "../../pipeline/release.ts";
import { badge, figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { lineChart } from "../../report/line-chart.ts";
import {
  type BacktestResult,
  backtestFacts,
  CAVEATS,
  estimateText,
  missingNotes,
  reallyText,
} from "./backtest-text.ts";
import { reasonsText } from "./decision-text.ts";

/** A page with the loss over time, and every update's fate. */
export async function backtestReport(result: BacktestResult, footer: string): Promise<string> {
  const { pipeline, steps, releases, outcomes } = result;
  const facts = backtestFacts(result);
  const pointsOf = (which: "actual" | "replayed") =>
    steps.map((step, index) => ({ x: index + 1, y: step[which] ?? Number.NaN }));
  const sections: ReportSection[] = [
    {
      heading: "Loss over time",
      text: "The pipeline loss of what was in use after each snapshot, on the same rows. Lower is better.",
      body: figure(
        await lineChart({
          label: "Pipeline loss over time, as it was and with the gate",
          xTitle: "snapshots announced",
          yTitle: "pipeline loss",
          series: [
            { name: "as it was", points: pointsOf("actual") },
            { name: "with the gate", points: pointsOf("replayed") },
          ],
          logY: true,
        }),
      ),
    },
    {
      heading: "In numbers",
      body: tableHtml(
        [{ title: "" }, { title: "" }],
        facts.map((row) => [...row]),
      ),
    },
    {
      heading: "Updates",
      text: "The gate's last decision on each update or set, and the difference to the release that it was judged against.",
      body: tableHtml(
        [
          { title: "update" },
          { title: "decision" },
          { title: "estimate", number: true },
          { title: "really" },
          { title: "why" },
        ],
        outcomes.map((outcome) => [
          movesName(outcome.moves),
          badge(outcome.decision),
          estimateText(outcome),
          reallyText(outcome),
          reasonsText(outcome),
        ]),
      ),
    },
    {
      heading: "Releases of the replay",
      body: tableHtml(
        [{ title: "release", number: true }, { title: "in use" }, { title: "by" }, { title: "time" }],
        releases.map(({ number, composition, cause, at }) => [
          `${number}`,
          movesName(composition).replaceAll(",", ", "),
          { start: "where the replay starts", first: "first snapshot", decision: "the gate" }[cause],
          at,
        ]),
      ),
    },
    {
      heading: "What to keep in mind",
      body: tableHtml(
        [{ title: "" }],
        [...CAVEATS, ...missingNotes(result)].map((note) => [note]),
      ),
    },
  ];
  const [, loss = ""] = facts.find(([name]) => name === "loss") ?? [];
  return reportDocument({
    title: `Backtest of a gate in pipeline ${pipeline}`,
    summary: `The pipeline loss: ${loss}.`,
    sections,
    footer,
  });
}

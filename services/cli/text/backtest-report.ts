import { movesName } from "../../pipeline/release.ts";
import type { BacktestDecision } from "../../releases/backtest/backtest.ts";
import { badge, figure, type ReportSection, reportDocument, tableHtml } from "../../report/document.ts";
import { html } from "../../report/html.ts";
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
import { testResult } from "./model-test-text.ts";

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
    ...testSections(outcomes),
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

/** The pipeline's tests of every update; none if the pipeline has no tests. */
function testSections(outcomes: readonly BacktestDecision[]): ReportSection[] {
  const rows = outcomes.flatMap(({ moves, tests }) =>
    tests.map((test) => [
      movesName(moves),
      test.name,
      test.component,
      html`<span class="${test.passed ? "promoted" : "refused"}">${testResult(test)}</span>`,
      test.skipped === undefined ? `${test.violations} of ${test.rows}` : "",
      (test.examples ?? []).join(", "),
    ]),
  );
  if (rows.length === 0) return [];
  const titles = ["update", "test", "composed output of", "result", "violations", "worst rows"];
  return [
    {
      heading: "Tests",
      text: "The tests of the pipeline file on screen rows, for each update with the release that it was judged against.",
      body: tableHtml(
        titles.map((title) => ({ title })),
        rows,
      ),
    },
  ];
}

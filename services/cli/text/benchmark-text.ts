import { summaryText } from "../../experiments/wild/benchmark-report.ts";
import type { BenchmarkResults } from "../../experiments/wild/benchmark-results.ts";
import { estimateText, rateText } from "../../experiments/wild/estimate-text.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";

const NOTE =
  "Harmed: upstream updates that improved their own component but made the pipeline more than 1 % worse. Gap: the pipeline's loss with the true values of the upstream component, nothing trained again, relative to its loss today; above 0, a perfect upstream component would degrade the pipeline.";

/** Formats the results of a benchmark for a terminal. */
export function benchmarkText(results: BenchmarkResults, style: Style, width: number): string {
  const { methods, edges } = results;
  return [
    ...wrap(summaryText(results), width),
    "",
    style.bold("All pipelines, with 95 % intervals over seeds"),
    formatTable(
      [
        { title: "METHOD" },
        { title: "HARMED", wraps: true },
        { title: "BY", wraps: true },
        { title: "GAP", wraps: true },
        { title: "LOSS TODAY", wraps: true },
        { title: "AUDITED ROWS", number: true },
      ],
      methods.map((row) => [
        row.method,
        rateText(row.harm),
        estimateText(row.size),
        estimateText(row.gap),
        estimateText(row.today),
        `${Math.round(row.auditedRows)}`,
      ]),
      style,
      width,
    ),
    style.bold("A linear upstream component becomes a network: change of the pipeline's loss where it got better"),
    formatTable(
      [{ title: "UPSTREAM" }, { title: "METHOD" }, { title: "PIPELINE", wraps: true }, { title: "GAP", wraps: true }],
      edges.map(({ pipeline, component, method, gap, improvements }) => [
        `${pipeline}: ${component}`,
        method,
        estimateText(improvements.richer.change),
        estimateText(gap.simple),
      ]),
      style,
      width,
    ),
    ...wrap(NOTE, width).map((line) => style.dim(line)),
    "",
  ].join("\n");
}

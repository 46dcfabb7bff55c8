import { figure, type ReportSection, reportDocument } from "../../report/document.ts";
import { scatterPlot } from "../../report/scatter-plot.ts";
import type { Alignment } from "../../verdicts/alignment.ts";
import { alignmentSentence } from "./alignment-text.ts";

/** A page with a plot for each component that has updates. */
export async function alignmentReport(
  pipeline: string,
  alignments: readonly Alignment[],
  footer: string,
): Promise<string> {
  const sections: ReportSection[] = [];
  for (const alignment of alignments) {
    const { component, points, improved, harmful } = alignment;
    if (points.length === 0) continue;
    const plot = await scatterPlot({
      label: `Changes of the own loss of ${component} and of the pipeline loss`,
      xTitle: `change of the loss of ${component} (%)`,
      yTitle: "change of the pipeline loss (%)",
      points: points.map(({ own, pipeline: change }) => ({
        x: 100 * own,
        y: 100 * change,
        series: seriesOf(own, change),
      })),
    });
    sections.push({
      heading: component,
      text: `${alignmentSentence(alignment)} ${improved} of ${points.length} updates improved its own loss; with ${harmful} of these, the pipeline loss rose (upper left).`,
      body: figure(plot),
    });
  }
  return reportDocument({
    title: `Alignment in pipeline ${pipeline}`,
    summary:
      "Each point is an update, as its verdict measured it: the change of the component's own loss, and that of the pipeline loss with everything else current. Below 0 is better.",
    sections,
    footer,
  });
}

function seriesOf(own: number, pipeline: number): string {
  if (own < 0) return pipeline > 0 ? "pipeline worse" : "both better";
  return pipeline > 0 ? "both worse" : "pipeline better";
}

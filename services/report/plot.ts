import { parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";
import { escapeHtml, type Html, trusted } from "./html.ts";

/** A palette for color-blind readers on white and black (Okabe and Ito 2008, pale colors darkened). */
const palette = ["#3b7dd8", "#e0701a", "#1f9e77", "#c2519c", "#7d7f86", "#a3a500", "#5ab4c9", "#a0522d", "#e9b44c"];

/** The color of the only series of a plot. */
export const seriesColor = "#3b7dd8";

/** CSS variables of the surrounding page, so that plots follow its dark theme. */
export const inkColor = "var(--ink)";
const faint = "var(--faint)";
const line = "var(--line)";

const config: Config = {
  background: "transparent",
  font: "system-ui, sans-serif",
  view: { stroke: "transparent" },
  axis: {
    labelColor: faint,
    titleColor: inkColor,
    gridColor: line,
    domainColor: line,
    tickColor: line,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 600,
    labelLimit: 260,
    titlePadding: 8,
  },
  legend: {
    labelColor: inkColor,
    titleColor: inkColor,
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 260,
    symbolStrokeWidth: 3,
  },
  range: { category: palette },
};

/**
 * Renders a plot to SVG markup, without a browser or a canvas. The size is a maximum: the plot shrinks with the page.
 * @param label text for screen readers
 */
export async function renderPlot(spec: TopLevelSpec, label: string): Promise<Html> {
  const view = new View(parse(compile(spec, { config }).spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    return trusted(svg.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(label)}" `));
  } finally {
    view.finalize();
  }
}

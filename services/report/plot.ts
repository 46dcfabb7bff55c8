import { parse, View } from "vega";
import { type Config, compile, type TopLevelSpec } from "vega-lite";
import { escapeHtml, type Html, trusted } from "./html.ts";

/** Told apart by most kinds of color blindness, on white and on black (Okabe and Ito 2008, darkened where pale). */
const palette = ["#3b7dd8", "#e0701a", "#1f9e77", "#c2519c", "#7d7f86", "#a3a500", "#5ab4c9", "#a0522d"];

/** Colors of the page around, so that a plot turns dark with it. SVG in a page takes CSS variables. */
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
 * Renders a plot to SVG markup, without a browser or a canvas. Its size is its widest: it shrinks with the page.
 * @param label what a screen reader says
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

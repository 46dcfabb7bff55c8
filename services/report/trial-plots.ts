import type { Html } from "./html.ts";
import { logTicks } from "./log-ticks.ts";
import { inkColor, renderPlot, seriesColor } from "./plot.ts";

export interface TrialPoint {
  readonly trial: number;
  readonly value: number;
  /** The state, which colors it. */
  readonly state: string;
}

/** Every state has its color in all plots of a page. */
const STATE_COLORS: Readonly<Record<string, string>> = {
  complete: "#3b7dd8",
  stopped: "#1f9e77",
  pruned: "#e0701a",
  running: "#7d7f86",
};

function stateColor(points: readonly TrialPoint[]) {
  const domain = Object.keys(STATE_COLORS).filter((state) => points.some((point) => point.state === state));
  const range = domain.map((state) => STATE_COLORS[state] as string);
  return { field: "state", type: "nominal", title: null, scale: { domain, range } } as const;
}

/** Renders the value of each trial, with the lowest so far of those that were not pruned as a line. */
export function trialHistory(points: readonly TrialPoint[]): Promise<Html> {
  let lowest = Number.POSITIVE_INFINITY;
  const best = points
    .filter(({ state }) => state === "complete" || state === "stopped")
    .map(({ trial, value }) => {
      lowest = Math.min(lowest, value);
      return { trial, value: lowest };
    });
  const last = Math.max(...points.map(({ trial }) => trial));
  if (best.length > 0) best.push({ trial: last, value: lowest });
  const x = { field: "trial", type: "quantitative", title: "trial", axis: { tickMinStep: 1, grid: false } } as const;
  const y = valueAxis(points);
  return renderPlot(
    {
      width: 560,
      height: 280,
      layer: [
        {
          data: { values: best },
          mark: { type: "line", interpolate: "step-after", stroke: inkColor, strokeWidth: 1.5 },
          encoding: { x, y },
        },
        {
          data: { values: points.map((point) => ({ ...point })) },
          mark: { type: "point", filled: true, size: 40, opacity: 0.8 },
          encoding: { x, y, color: stateColor(points) },
        },
      ],
    },
    "Value by trial, with the best so far",
  );
}

export interface ParameterPoint extends TrialPoint {
  readonly setting: number | string;
}

/** Renders the value of each trial by its setting of one parameter, on a logarithmic axis if it spans decades. */
export function parameterPlot(parameter: string, points: readonly ParameterPoint[]): Promise<Html> {
  const numbers = points.map(({ setting }) => setting).filter((setting) => typeof setting === "number");
  const isNumeric = numbers.length === points.length;
  const isLog = isNumeric && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) >= 30;
  const ticks = isLog ? { values: logTicks(numbers) } : { tickCount: 5 };
  const axis = { grid: false, labelAngle: 0, ...(isNumeric && { ...ticks, format: ",.4~g" }) };
  return renderPlot(
    {
      data: { values: points.map((point) => ({ ...point })) },
      width: 360,
      height: 200,
      mark: { type: "point", filled: true, size: 36, opacity: 0.8 },
      encoding: {
        x: isNumeric
          ? {
              field: "setting",
              type: "quantitative",
              title: parameter,
              axis,
              scale: isLog ? { type: "log", nice: false } : { zero: false },
            }
          : { field: "setting", type: "nominal", title: parameter, axis },
        y: valueAxis(points),
        color: stateColor(points),
      },
    },
    `Value by ${parameter}`,
  );
}

/** Renders the importance of parameters as bars, in their order. @param shares in [0, 1] */
export function importancePlot(
  shares: readonly { readonly parameter: string; readonly share: number }[],
): Promise<Html> {
  return renderPlot(
    {
      data: { values: shares.map((one) => ({ ...one })) },
      width: 360,
      height: { step: 26 },
      mark: { type: "bar", cornerRadiusEnd: 2, fill: seriesColor },
      encoding: {
        y: { field: "parameter", type: "nominal", title: null, sort: null, axis: { grid: false } },
        x: {
          field: "share",
          type: "quantitative",
          title: "share of the variance of ranks",
          scale: { domain: [0, 1] },
          axis: { tickCount: 5, format: ",.4~g" },
        },
      },
    },
    "Importance by parameter",
  );
}

/** Renders the measurements of trials on the way. @param points at most as many trials as there are colors */
export function trialCurves(
  points: readonly { readonly trial: number; readonly step: number; readonly value: number }[],
): Promise<Html> {
  return renderPlot(
    {
      data: { values: points.map(({ trial, ...point }) => ({ ...point, series: `trial ${trial}` })) },
      width: 560,
      height: 260,
      mark: { type: "line", strokeWidth: 2, ...(points.length < 60 && { point: { size: 30 } }) },
      encoding: {
        x: { field: "step", type: "quantitative", title: "step", axis: { grid: false, tickCount: 6 } },
        y: valueAxis(points),
        color: { field: "series", type: "nominal", title: null, sort: null },
      },
    },
    "Validation loss over steps by trial",
  );
}

/** Values of trials that failed to learn can be orders of magnitude above the others. */
function valueAxis(points: readonly { readonly value: number }[]) {
  const values = points.map(({ value }) => value);
  const isLog = values.every((value) => value > 0) && Math.max(...values) / Math.min(...values) >= 20;
  return {
    field: "value",
    type: "quantitative",
    title: "validation loss",
    axis: { tickCount: 6, format: ",.4~g" },
    scale: isLog ? { type: "log" as const, nice: true } : { zero: false },
  } as const;
}

import { describe, expect, it } from "vitest";
import { barChart } from "../../../services/report/bar-chart.ts";
import { heatMap } from "../../../services/report/heat-map.ts";
import { intervalPlot } from "../../../services/report/interval-plot.ts";
import { lineChart } from "../../../services/report/line-chart.ts";
import { lineage } from "../../../services/report/lineage.ts";
import { trialCurves } from "../../../services/report/trial-plots.ts";

/** The visible texts of an SVG. */
function texts(markup: string): string[] {
  return [...markup.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? "");
}

/** Fill colors of the cells, in the order of the values. */
function fills(markup: string): string[] {
  return [...markup.matchAll(/<path [^>]*fill="(rgb[^"]+|#[0-9a-f]+)"[^>]*>/g)].map(([, fill]) => fill ?? "");
}

describe("a heat map", () => {
  const map = {
    label: "pipeline loss",
    rowTitle: "downstream",
    columnTitle: "upstream",
    rows: ["m2@1", "m2@2"],
    columns: ["m1@1", "m1@2"],
    values: [
      [54.1, 104.2],
      [99.9, null],
    ],
  };

  it("shows every number and leaves unmeasured cells empty", async () => {
    const { markup } = await heatMap(map);
    expect(texts(markup)).toEqual(expect.arrayContaining(["54.1", "104", "99.9", "m2@1", "m2@2", "m1@1", "m1@2"]));
    expect(fills(markup).filter((fill) => fill.startsWith("rgb"))).toHaveLength(3);
  });

  it("has enough digits to tell neighbors apart, and outlines a cell", async () => {
    const close = { ...map, values: [[54.12, 54.17]], rows: ["m2@1"] };
    const { markup } = await heatMap({ ...close, outlined: { row: "m2@1", column: "m1@2" } });
    expect(texts(markup)).toEqual(expect.arrayContaining(["54.12", "54.17"]));
    const outlines = (svg: string) => svg.match(/stroke="var\(--ink\)" stroke-width="3"/g)?.length ?? 0;
    expect(outlines(markup)).toBe(1);
    expect(outlines((await heatMap(close)).markup)).toBe(0);
  });

  it("gives equal numbers equal colors and different numbers different colors", async () => {
    const { markup } = await heatMap({
      ...map,
      values: [
        [1, 100],
        [100, 10],
      ],
    });
    const [a, b, c, d] = fills(markup).filter((fill) => fill.startsWith("rgb"));
    expect(b).toBe(c);
    expect(new Set([a, b, d]).size).toBe(3);
  });

  it("handles an empty map and losses of 0", async () => {
    expect((await heatMap({ ...map, rows: [], columns: [], values: [] })).markup).toContain("<svg");
    const zero = await heatMap({
      ...map,
      values: [
        [0, 1],
        [2, 3],
      ],
    });
    expect(texts(zero.markup)).toContain("0");
    expect(zero.markup).not.toContain("NaN");
  });

  it("escapes names", async () => {
    const { markup } = await heatMap({ ...map, label: `"><script>`, rows: ["<script>", "b"] });
    expect(markup).not.toContain("<script>");
    expect(markup).toContain("&lt;script&gt;");
  });
});

describe("a line chart", () => {
  const line = { label: "loss", xTitle: "step", yTitle: "loss" };

  it("draws one named line per series", async () => {
    const series = ["async", "causal"].map((name) => ({ name, points: [1, 2, 3].map((x) => ({ x, y: 1 / x })) }));
    const { markup } = await lineChart({ ...line, series, logY: true });
    expect(texts(markup)).toEqual(expect.arrayContaining(["async", "causal", "step", "loss"]));
    expect(markup.match(/aria-roledescription="line mark"/g)).toHaveLength(2);
  });

  it("holds each value until the next one if it is stepped", async () => {
    const series = [{ name: "a", points: [1, 2, 3].map((x) => ({ x, y: 1 / x })) }];
    /** Corners of the line, as pairs of coordinates. */
    const corners = async (isStepped: boolean) => {
      const { markup } = await lineChart({ ...line, series, isStepped });
      const [, path = ""] = /aria-roledescription="line mark"[^>]* d="([^"]*)"/.exec(markup) ?? [];
      return path
        .slice(1)
        .split("L")
        .map((pair) => pair.split(",").map(Number));
    };
    expect(await corners(false)).toHaveLength(3);
    const stepped = await corners(true);
    expect(stepped).toHaveLength(5);
    for (const [index, [x, y]] of stepped.slice(1).entries()) {
      const [fromX, fromY] = stepped[index] ?? [];
      expect(index % 2 === 0 ? y === fromY : x === fromX).toBe(true);
    }
  });

  it("omits values that are not finite, and falls back to a linear axis for a loss of 0", async () => {
    const points = [
      { x: 1, y: 0 },
      { x: 2, y: Number.NaN },
      { x: 3, y: Number.POSITIVE_INFINITY },
      { x: 4, y: 2 },
    ];
    const { markup } = await lineChart({ ...line, series: [{ name: "a", points }], logY: true });
    expect(markup).not.toMatch(/NaN|Infinity/);
    expect((await lineChart({ ...line, series: [] })).markup).toContain("<svg");
  });
});

describe("a bar chart", () => {
  it("has one bar per value, and an error bar only for a value with an interval", async () => {
    const { markup } = await barChart({
      label: "figure",
      groupTitle: "upstream",
      yTitle: "loss",
      bars: [
        { group: "initial", series: "async", value: 54, low: 40, high: 68 },
        { group: "initial", series: "causal", value: 100 },
        { group: "consistent", series: "async", value: 104, low: 22, high: 186 },
        { group: "consistent", series: "causal", value: 1.4 },
      ],
    });
    expect(markup.match(/aria-roledescription="bar"/g)).toHaveLength(4);
    expect(markup.match(/aria-roledescription="rule mark"/g)).toHaveLength(2);
  });

  it("handles a chart without bars", async () => {
    const { markup } = await barChart({ label: "figure", groupTitle: "upstream", yTitle: "loss", bars: [] });
    expect(markup).toContain("<svg");
    expect(markup).not.toMatch(/NaN|Infinity/);
  });
});

describe("the lineage of snapshots", () => {
  const first = { component: "m1", serial: 1, parent: null, upstream: {}, caption: "linear" };
  const trained = { component: "m2", serial: 1, parent: null, upstream: { m1: 1 }, caption: "async" };
  const next = { component: "m1", serial: 2, parent: 1, upstream: {}, caption: "dense", outcome: "improved" as const };

  it("draws every snapshot, with one arrow per upstream snapshot and one for the parent", () => {
    const { markup } = lineage(["m1", "m2"], [first, trained, next]);
    expect(texts(markup)).toEqual(expect.arrayContaining(["m1@1", "m2@1", "m1@2", "linear"]));
    expect(markup.match(/class="edge upstream"/g)).toHaveLength(1);
    expect(markup.match(/class="edge parent"/g)).toHaveLength(1);
    expect(markup).toContain('class="node improved"');
  });

  it("omits arrows from snapshots that are not shown", () => {
    expect(lineage(["m1", "m2"], [trained]).markup).not.toContain('class="edge');
  });

  it("makes room for long names, and shortens what is longer", () => {
    const component = "a-component-with-a-name-that-is-long";
    const { markup } = lineage(
      [component],
      [{ ...first, component, caption: "proximal lambda=1 sigma=0.15 and more" }],
    );
    const [, width, x] =
      /<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)".*?<text class="name" x="([\d.]+)"/.exec(markup) ?? [];
    expect(texts(markup)).toEqual([
      "a-component-with-a-name…",
      "a-component-with-a-name…@1",
      expect.stringMatching(/…$/),
    ]);
    // 9 pixels for each character of the bold name, of the row and of the node.
    expect(Number(width)).toBeGreaterThan(26 * 9);
    expect(Number(x)).toBeGreaterThan(24 * 9);
    expect(markup).toContain(`<title>${component}@1, proximal lambda=1 sigma=0.15 and more</title>`);
  });

  it("never lets two snapshots of a component overlap", () => {
    const many = Array.from({ length: 8 }, (_, i) => ({ ...first, serial: i + 1, parent: i === 0 ? null : i }));
    const xs = [...lineage(["m1"], many).markup.matchAll(/<rect x="([\d.]+)"/g)].map(([, x]) => Number(x));
    for (let i = 1; i < xs.length; i += 1) expect((xs[i] ?? 0) - (xs[i - 1] ?? 0)).toBeGreaterThanOrEqual(148);
  });
});

describe("an interval plot", () => {
  /** Horizontal positions of the points, in the order given. */
  const positions = (markup: string) =>
    [...markup.matchAll(/aria-roledescription="point" transform="translate\(([\d.-]+),/g)].map(([, x]) => Number(x));

  it("places factors on a logarithmic scale around no change, each group on a line of its own", async () => {
    const point = (group: string, factor: number) => ({ group, series: "async", factor });
    const { markup } = await intervalPlot({
      label: "changes",
      xTitle: "loss",
      points: [point("a", 0.5), point("b", 1), point("c", 2)],
    });
    const [half = 0, same = 0, twice = 0] = positions(markup);
    expect(same - half).toBeCloseTo(twice - same, 3);
    expect(twice).toBeGreaterThan(same);
    expect(texts(markup)).toEqual(expect.arrayContaining(["a", "b", "c", "× 1", "× 0.5", "× 2"]));
  });

  it("draws a line only for points with an interval, however wide the range", async () => {
    const { markup } = await intervalPlot({
      label: "changes",
      xTitle: "loss",
      points: [
        { group: "a", series: "async", factor: 40, low: 0.02, high: 900 },
        { group: "a", series: "causal", factor: 0.9 },
      ],
    });
    expect(positions(markup)).toHaveLength(2);
    expect([...markup.matchAll(/aria-label="[^"]*high: [^"]*"/g)]).toHaveLength(1);
    expect(texts(markup)).toEqual(expect.arrayContaining(["async", "causal", "× 100"]));
    expect(texts(markup)).not.toContain("× 1000");
  });
});

it("draws curves of trials over the whole plot, with a logarithmic axis only if they span decades", async () => {
  const curve = (values: readonly number[]) =>
    trialCurves(values.map((value, place) => ({ trial: 1, step: 100 * place, value })));
  const near = (await curve([0.78, 0.66, 0.61])).markup;
  expect(near).toContain(">0.7<");
  expect(near).not.toMatch(/>(0\.1|1)</);
  expect((await curve([90, 4, 0.6])).markup).toMatch(/>10</);
});

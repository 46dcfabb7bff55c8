import { describe, expect, it } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { matricesText } from "../../../../services/cli/text/matrix-text.ts";
import type { PipelineMatrix } from "../../../../services/pipeline/verdict.ts";

const style = createStyle(false);

const edge: PipelineMatrix = {
  upstream: "m1",
  downstream: "m2",
  upstreamSerials: [1, 12],
  downstreamSerials: [1, 2],
  cells: [
    { upstreamSerial: 1, downstreamSerial: 1, loss: 0.51234 },
    { upstreamSerial: 1, downstreamSerial: 2, loss: 1.2 },
    { upstreamSerial: 12, downstreamSerial: 1, loss: 0.51241 },
  ],
};
const current = { upstreamSerial: 12, downstreamSerial: 1 };
const lines = (edges: readonly PipelineMatrix[]) => matricesText(edges, style).trimEnd().split("\n");

describe("the text of the matrix", () => {
  it("has enough digits to tell neighbors apart, and marks the pair in use", () => {
    expect(lines([{ ...edge, current }])).toEqual([
      "m2 \\ m1     m1@1     m1@12",
      "m2@1     0.51234  *0.51241",
      "m2@2     1.20000         -",
      "* in use",
    ]);
  });

  it("marks nothing if no pair is in use, or the one in use was not measured", () => {
    expect(lines([edge]).join()).not.toContain("*");
    expect(lines([{ ...edge, current: { upstreamSerial: 12, downstreamSerial: 2 } }]).join()).not.toContain("*");
    expect(lines([{ ...edge, upstreamSerials: [], cells: [] }])).toEqual(["m1 -> m2: no pair of snapshots yet"]);
    expect(lines([])).toEqual(["the pipeline has no edges"]);
  });

  it("lists the difference of every pair to the one in use, where intervals were asked for", () => {
    const [first, second, third] = edge.cells as [
      PipelineMatrix["cells"][0],
      PipelineMatrix["cells"][0],
      PipelineMatrix["cells"][0],
    ];
    const intervals = { method: "hall", level: 0.95, compared: 2 };
    const small = {
      kind: "inconclusive",
      difference: -0.00007,
      relative: -0.00014,
      interval: [-0.002, 0.002],
      level: 0.975,
    } as const;
    const large = {
      kind: "degraded",
      difference: 0.68759,
      relative: 1.34,
      interval: [0.6, 0.8],
      level: 0.975,
    } as const;
    const compared = {
      ...edge,
      current,
      intervals,
      cells: [{ ...first, comparison: small }, { ...second, comparison: large }, third],
    };
    expect(lines([compared]).slice(4)).toEqual([
      "",
      "m1    m2    KIND          CHANGE",
      "m1@1  m2@1  inconclusive  -0.014 % [-0.39, +0.39]",
      "m1@1  m2@2  degraded      +134 % [+117, +156]",
      "",
      "differences to the pair in use, with intervals corrected for 2 compositions; at 95 %, all kinds hold together",
    ]);
    const none = { ...edge, intervals: { ...intervals, compared: 0 } };
    expect(lines([none]).at(-1)).toBe("m1 -> m2: nothing to compare with the pair in use");
  });
});

import { describe, expect, test } from "vitest";
import { createSyntheticSource } from "../../../services/data/synthetic/synthetic-source.ts";
import { heldOutColumns, trainerData } from "../../../services/data/visibility.ts";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import type { Pipeline, SyntheticSource } from "../../../services/pipeline/pipeline.ts";
import { visibleColumns } from "../../../services/pipeline/visible-columns.ts";

function pipeline(text: string): Pipeline {
  const parsed = parsePipelineFile(text, "p.yaml");
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  return parsed.pipeline;
}

const PAPER = `pipeline: paper
data: { source: synthetic, generator: two-stage, rows: 400 }
components:
  m1: { columns: [x1], output: { name: z, width: 3 }, target: z }
  m2: { columns: [x2], upstream: [m1], output: { name: y }, target: y }
`;

const DIAMOND = pipeline(`pipeline: diamond
data: { source: synthetic, generator: diamond, rows: 400 }
components:
  m1: { columns: [x1], output: { name: z1, width: 3 }, target: z1 }
  m2: { columns: [x2], upstream: [m1], output: { name: z2, width: 3 }, target: z2 }
  m3: { columns: [x3], upstream: [m1], output: { name: z3, width: 3 }, target: z3 }
  m4: { columns: [x4], upstream: [m2, m3], output: { name: y }, target: y }
`);

describe("visible columns", () => {
  test("the M2 team sees x1, x2 and y, but never z", () => {
    expect(visibleColumns(pipeline(PAPER), "m1")).toEqual(["x1", "z"]);
    expect(visibleColumns(pipeline(PAPER), "m2")).toEqual(["x1", "x2", "y"]);
  });

  test("in a diamond, each team sees the columns of its ancestors, and no target but its own", () => {
    expect(visibleColumns(DIAMOND, "m2")).toEqual(["x1", "x2", "z2"]);
    expect(visibleColumns(DIAMOND, "m4")).toEqual(["x1", "x2", "x3", "x4", "y"]);
    expect(heldOutColumns(DIAMOND)).toEqual(["x1", "x2", "x3", "x4", "z1", "z2", "z3", "y"]);
  });

  test("an unknown component is an error", () => {
    expect(() => visibleColumns(DIAMOND, "m5")).toThrow('pipeline "diamond" has no component "m5"');
  });

  test("a trainer's data has exactly those columns, and only training rows", async () => {
    const paper = pipeline(PAPER);
    const source = createSyntheticSource(paper.data as SyntheticSource);
    const data = await trainerData(source, paper, "m2");
    expect(Object.keys(data.training.table.columns).sort()).toEqual(["x1", "x2", "y"]);
    expect(data.audit).toBeUndefined();
    const heldOut = await source.heldOutRows(["y"]);
    expect(data.training.table.rows + heldOut.table.rows).toBe(400);
    const seen = new Set(valuesOf(data.training.table.columns.y));
    for (const value of valuesOf(heldOut.table.columns.y)) expect(seen.has(value)).toBe(false);
  });

  test("an audit sample has the annotated columns, and only in its own rows", async () => {
    const paper = pipeline(`${PAPER}audit: { rows: 30, columns: [z] }\n`);
    const source = createSyntheticSource(paper.data as SyntheticSource);
    const { training, audit } = await trainerData(source, paper, "m2");
    expect(Object.keys(training.table.columns)).not.toContain("z");
    expect(audit?.table.rows).toBe(30);
    expect(Object.keys(audit?.table.columns ?? {}).sort()).toEqual(["x1", "x2", "y", "z"]);
    const trained = new Set(valuesOf(training.table.columns.y));
    for (const value of valuesOf(audit?.table.columns.y)) expect(trained.has(value)).toBe(true);
  });
});

function valuesOf(column: { readonly kind: string } | undefined): Float32Array {
  if (column === undefined || !("values" in column)) throw new Error("no such numeric column");
  return column.values as Float32Array;
}

import { expect, test } from "vitest";
import type { Table } from "../../../../services/data/table/table.ts";
import { imputeAncestors } from "../../../../services/learning/snapshot/impute.ts";
import type { SnapshotModel } from "../../../../services/learning/snapshot/snapshot-model.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";

const PIPELINE = `pipeline: shared-name
data: { source: file, path: rows.csv }
components:
  m1: { columns: [x1], output: { name: score }, target: z }
  m2: { columns: [score], output: { name: w }, target: w }
  m3: { upstream: [m1, m2], output: { name: y }, target: y }
`;

const numeric = (...values: number[]) => ({ kind: "numeric", width: 1, values: Float32Array.from(values) }) as const;
/** Predicts the sum of its inputs. */
const sum: SnapshotModel = {
  predict: async ({ rows, columns }: Table) =>
    Float32Array.from({ length: rows }, (_, row) =>
      Object.values(columns).reduce(
        (total, column) => total + (column.kind === "numeric" ? (column.values[row] ?? 0) : 0),
        0,
      ),
    ),
  dispose: async () => {},
};

test("a component reads its own columns even if an output shares the name of one of them", async () => {
  const parsed = parsePipelineFile(PIPELINE, "p.yaml");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const table: Table = { rows: 2, columns: { x1: numeric(1, 2), score: numeric(10, 20), y: numeric(0, 0) } };
  const outputs = await imputeAncestors(parsed.pipeline, new Set(["m1", "m2"]), { m1: sum, m2: sum }, table);
  expect(Array.from(outputs.score?.values ?? [])).toEqual([1, 2]);
  expect(Array.from(outputs.w?.values ?? [])).toEqual([10, 20]);
});

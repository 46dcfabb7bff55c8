import { expect, test } from "vitest";
import { writeParquet } from "../../../../services/data/file/write-parquet.ts";
import { dataFiles } from "../../../helpers/data-files.ts";

const files = dataFiles();

test("a written table is read as the same values, in several chunks, vectors too", async () => {
  const rows = 5000;
  const x = Float32Array.from({ length: rows }, (_, i) => i / 7);
  const z = Float32Array.from({ length: 3 * rows }, (_, i) => Math.fround(Math.sin(i)));
  await writeParquet(files.pathOf("rows.parquet"), rows, {
    x: { kind: "numeric", width: 1, values: x },
    'a "vector"': { kind: "numeric", width: 3, values: z },
  });
  await files.opened("rows.parquet", { testFraction: 0.2 }, async (source) => {
    const [training, heldOut] = [await source.trainingRows(["x", 'a "vector"']), await source.heldOutRows(["x"])];
    expect(training.table.rows + heldOut.table.rows).toBe(rows);
    const read = training.table.columns;
    expect([read.x?.width, read['a "vector"']?.width]).toEqual([1, 3]);
    const values = (name: string) => (read[name] as { values: Float32Array }).values;
    for (let row = 0; row < training.table.rows; row++) {
      const original = Math.round((values("x")[row] as number) * 7);
      expect(values("x")[row]).toBe(x[original]);
      expect(values('a "vector"').subarray(3 * row, 3 * row + 3)).toEqual(z.subarray(3 * original, 3 * original + 3));
    }
  });
});

test("a folder that does not exist is named", async () => {
  const path = files.pathOf("missing/rows.parquet");
  const column = { kind: "numeric", width: 1, values: new Float32Array(1) } as const;
  await expect(writeParquet(path, 1, { x: column })).rejects.toThrow(path);
});

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { SpilledTable } from "../../services/data/spill/stored-table.ts";
import { createTableSpill } from "../../services/data/spill/table-spill.ts";
import type { Column, Table } from "../../services/data/table/table.ts";
import type { Matrix } from "../../services/learning/dataset/row-matrix.ts";
import { type RowMatrix, spillMatrix } from "../../services/learning/dataset/row-matrix.ts";

/** A folder for spilled tables and matrices, for the tests of one file. */
export function spillTests() {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "uncouple-spill-test-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  return {
    folder: () => folder,
    files: async () => readdir(folder),
    /** Writes a table into the folder. */
    async spill({ columns }: Table): Promise<SpilledTable> {
      const names = Object.keys(columns);
      const spill = await createTableSpill(folder, names);
      await spill.append(names.map((name) => columns[name] as Column));
      const dictionaries = Object.entries(columns).map(([name, column]) => [
        name,
        column.kind === "categorical" ? column.dictionary : [],
      ]);
      return spill.finish(Object.fromEntries(dictionaries));
    },
    spillMatrix: (matrix: Matrix): Promise<RowMatrix> =>
      spillMatrix(folder, async function* () {
        yield matrix;
      }),
  };
}

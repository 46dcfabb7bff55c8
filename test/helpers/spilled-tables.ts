import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { SpilledTable } from "../../services/data/spill/stored-table.ts";
import { dictionariesOf, spillTable } from "../../services/data/spill/table-spill.ts";
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
    /** Writes a table into the folder. */
    async spill(table: Table): Promise<SpilledTable> {
      const names = Object.keys(table.columns);
      return spillTable(folder, names, dictionariesOf(table), async function* () {
        yield names.map((name) => table.columns[name] as Column);
      });
    },
    spillMatrix: (matrix: Matrix): Promise<RowMatrix> =>
      spillMatrix(folder, async function* () {
        yield matrix;
      }),
  };
}

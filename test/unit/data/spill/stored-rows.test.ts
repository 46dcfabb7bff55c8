import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fitEncoding } from "../../../../services/data/spill/fit-encoding.ts";
import { profileColumns } from "../../../../services/data/spill/profile-columns.ts";
import { fingerprintRowSet } from "../../../../services/data/spill/row-set-fingerprint.ts";
import { openSpillSpace, removeSpill, type SpillSpace } from "../../../../services/data/spill/spill-folder.ts";
import { isSpilled, loadTable, type SpilledTable } from "../../../../services/data/spill/stored-table.ts";
import { takeStoredRows } from "../../../../services/data/spill/take-stored-rows.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { CategoricalColumn, Table } from "../../../../services/data/table/table.ts";
import { takeRows } from "../../../../services/data/table/take-rows.ts";
import { measureSupport } from "../../../../services/learning/component/support.ts";
import type { RowMatrix } from "../../../../services/learning/dataset/row-matrix.ts";
import { scalingOf, standardize } from "../../../../services/learning/fitting/scaling.ts";
import { dataFiles } from "../../../helpers/data-files.ts";
import { createSmallDisk } from "../../../helpers/small-disk.ts";
import { spillTests } from "../../../helpers/spilled-tables.ts";

const { file, opened } = dataFiles();
const { folder, spill, spillMatrix } = spillTests();

const spaceIn = (root: string, tableBytes: number): Promise<SpillSpace> =>
  openSpillSpace(root, tableBytes, { pid: process.pid, isAlive: () => true });

const lines = (count: number) => {
  const rows = Array.from({ length: count }, (_, i) => `${i},${i % 7 === 0 ? "n/a" : Math.sin(i)},color-${i % 23}`);
  return `id,x,color\n${rows.join("\n")}\n`;
};

describe("rows beyond their share of memory", () => {
  test("are those that fit: values, codes, texts, bad rows and fingerprint", async () => {
    const path = await file(lines(9000));
    const rowsOf = (tableBytes: number) =>
      opened(path, { key: "id", maxBadFraction: 0.5 }, async (source) =>
        source.storedTrainingRows(["id", "x", "color"], await spaceIn(join(folder(), "training"), tableBytes)),
      );
    const [fitting, beyond] = [await rowsOf(1e6), await rowsOf(1000)];
    expect(isSpilled(fitting.table)).toBe(false);
    expect(isSpilled(beyond.table)).toBe(true);
    expect(await loadTable(beyond.table)).toEqual(fitting.table);
    expect({ ...beyond, table: null }).toEqual({ ...fitting, table: null });
    await removeSpill((beyond.table as SpilledTable).folder);
    expect(await readdir(join(folder(), "training"))).toEqual([]);
  });

  test("are held out and labeled as those that fit, and generated as well", async () => {
    const path = await file(lines(4000));
    const held = (tableBytes: number) =>
      opened(path, { maxBadFraction: 0.5 }, async (source) =>
        source.storedHeldOutRows(["id", "x"], ["color"], await spaceIn(join(folder(), "held-out"), tableBytes)),
      );
    const [fitting, beyond] = [await held(1e6), await held(100)];
    expect({ ...beyond, table: await loadTable(beyond.table) }).toEqual(fitting);
    const generated = createSyntheticSource({
      ...{ source: "synthetic", generator: "two-stage", seed: 1, rows: 300, testFraction: 0.5 },
    });
    const space = await spaceIn(join(folder(), "generated"), 10);
    const stored = await generated.storedTrainingRows(["x1", "y"], space);
    expect({ ...stored, table: await loadTable(stored.table) }).toEqual(await generated.trainingRows(["x1", "y"]));
  });

  test("are removed if they cannot be read to the end", async () => {
    const path = await file(`${lines(5000)}5001,1\n`);
    const root = join(folder(), "failing");
    const reading = opened(path, { maxBadFraction: 0 }, async (source) =>
      source.storedTrainingRows(["x"], await spaceIn(root, 100)),
    );
    await expect(reading).rejects.toMatchObject({ code: "failed-precondition" });
    expect(await readdir(root)).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("fail clearly on a full disk, which keeps nothing of them", async () => {
    const path = await file(lines(200_000));
    const disk = await createSmallDisk(1);
    try {
      const reading = opened(path, { maxBadFraction: 0.5 }, async (source) =>
        source.storedTrainingRows(["id", "x", "color"], await spaceIn(disk.folder, 1000)),
      );
      await expect(reading).rejects.toMatchObject({
        code: "resource-exhausted",
        message: expect.stringMatching(
          /^cannot spill rows to .*: the disk is full; free space there, or raise --memory-limit$/,
        ),
      });
      expect(await readdir(disk.folder)).toEqual([]);
    } finally {
      await disk.remove();
    }
  });

  test("of processes that are gone are removed, and no others", async () => {
    const root = join(folder(), "shared");
    for (const name of ["11-dead", "12-alive", "13-mine", "notes"]) {
      await mkdir(join(root, name), { recursive: true });
      await writeFile(join(root, name, "rows"), "1");
    }
    const space = await openSpillSpace(root, 1, { pid: 13, isAlive: (pid) => pid === 12 });
    expect((await readdir(root)).sort()).toEqual(["12-alive", "notes"]);
    expect(await space.folder()).toMatch(/\/13-\w+$/);
  });
});

describe("what is computed of rows in files is what is computed of rows in memory", () => {
  // Three blocks.
  const rows = 150_000;
  const wave = (row: number, k: number) => Math.sin(row * (k + 1)) * 10 ** (k - 1) + k * 1000;
  const numeric = (width: number) => ({
    ...{ kind: "numeric" as const, width },
    values: Float32Array.from({ length: rows * width }, (_, i) => wave(Math.floor(i / width), i % width)),
  });
  const texts: CategoricalColumn = {
    ...{ kind: "categorical", width: 1, dictionary: ["b", "a", "unused", "c"] },
    codes: Int32Array.from({ length: rows }, (_, row) => [0, 1, 3][row % 3] as number),
  };
  const table: Table = { rows, columns: { v: numeric(3), x: numeric(1), t: texts } };

  test("encodings, profiles and fingerprints of tables, and some of their rows", async () => {
    const spilled = await spill(table);
    const names = ["x", "t", "v"];
    expect(await fitEncoding(spilled, names)).toEqual(await fitEncoding(table, names));
    expect(await profileColumns(spilled, names)).toEqual(await profileColumns(table, names));
    const labels = { t: texts };
    expect(await fingerprintRowSet(spilled, labels)).toBe(await fingerprintRowSet(table, labels));
    const some = Int32Array.from({ length: rows / 5 }, (_, i) => 5 * i + (i % 3));
    expect(await loadTable(await takeStoredRows(spilled, some))).toEqual(takeRows(table, some));
  });

  test("quantiles of a profile are those of sorted values", async () => {
    const [profile] = await profileColumns(table, ["x"]);
    const sorted = (table.columns.x as { values: Float32Array }).values.slice().sort();
    const at = (rank: number) => sorted[rank] as number;
    const [coordinate] = profile?.coordinates ?? [];
    expect(coordinate?.edges?.map(Math.fround)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => at((k * rows) / 10 - 1)),
    );
    const tails = [at(Math.floor(0.001 * (rows - 1))), at(Math.ceil(0.999 * (rows - 1)))];
    expect(coordinate?.range?.map(Math.fround)).toEqual(tails);
  });

  test("support, scaling and standardized values of matrices", async () => {
    const matrix = { width: 3, values: numeric(3).values };
    const spilled: RowMatrix = await spillMatrix(matrix);
    const annotated = { width: 3, values: matrix.values.subarray(0, 300) };
    expect(await measureSupport(spilled, annotated)).toEqual(await measureSupport(matrix, annotated));
    const scaling = await scalingOf(matrix);
    expect(await scalingOf(spilled)).toEqual(scaling);
    const standardized = await standardize(spilled, scaling);
    expect(await scalingOf(standardized)).toEqual(await scalingOf(await standardize(matrix, scaling)));
  });
});

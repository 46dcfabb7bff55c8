import { describe, expect, test } from "vitest";
import { createRandom, type Random } from "../../../../services/data/random/random.ts";
import { columnBlocks, profileColumns } from "../../../../services/data/spill/profile-columns.ts";
import { SPILL_BLOCK_ROWS } from "../../../../services/data/spill/spill-file.ts";
import { columnDrift } from "../../../../services/data/table/column-drift.ts";
import type { CategoricalColumn, Column, NumericColumn } from "../../../../services/data/table/table.ts";
import type { ColumnProfile } from "../../../../services/pipeline/column-profile.ts";
import { spillTests } from "../../../helpers/spilled-tables.ts";

const { spill } = spillTests();
const rows = 5000;

function numbers(seed: number, value: (random: Random) => number, count = rows): NumericColumn {
  const random = createRandom(seed, "column");
  return { kind: "numeric", width: 1, values: Float32Array.from({ length: count }, () => value(random)) };
}
const normal = (seed: number, mean = 0, sd = 1, count = rows) =>
  numbers(seed, (random) => mean + sd * random.gaussian(), count);

/** Rows that take texts in turn. */
function texts(...shown: readonly string[]): CategoricalColumn {
  const dictionary = [...new Set(shown)].sort();
  const codes = Int32Array.from({ length: rows }, (_, row) => dictionary.indexOf(shown[row % shown.length] as string));
  return { kind: "categorical", width: 1, codes, dictionary };
}

async function profileOf(column: Column): Promise<ColumnProfile> {
  const count = column.kind === "numeric" ? column.values.length / column.width : rows;
  const [profile] = await profileColumns({ rows: count, columns: { c: column } }, ["c"]);
  return profile as ColumnProfile;
}

async function* whole(column: Column): AsyncGenerator<Column> {
  yield column;
}

const rowsOf = (column: Column) =>
  column.kind === "numeric" ? column.values.length / column.width : column.codes.length;

const driftOf = async (before: Column, now: Column) =>
  columnDrift(await profileOf(before), rows, rowsOf(now), whole(now));

test("rows in files have the drift of rows in memory", async () => {
  const count = 70_000;
  const columns = { c: normal(5, 0.3, 1, count), t: { ...texts("a"), codes: new Int32Array(count) } };
  const stored = await spill({ rows: count, columns });
  expect(stored.rows).toBeGreaterThan(SPILL_BLOCK_ROWS);
  for (const [name, before] of [
    ["c", normal(1)],
    ["t", texts("b", "c")],
  ] as const) {
    const drift = await columnDrift(await profileOf(before), rows, count, columnBlocks(stored, name));
    expect(drift?.index).toBeGreaterThan(0.05);
    expect(drift).toEqual(await driftOf(before, columns[name]));
  }
});

describe("the profile of a column", () => {
  test("has the deciles, the range and the share of each bin", async () => {
    const values = Float32Array.from({ length: 1001 }, (_, row) => row);
    const [coordinate] = (await profileOf({ kind: "numeric", width: 1, values })).coordinates;
    expect(coordinate?.edges).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(coordinate?.range).toEqual([1, 999]);
    expect(coordinate?.shares[0]).toBeCloseTo(101 / 1001, 6);
    expect(coordinate?.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
  });

  test("tells few values apart, each once", async () => {
    const values = Float32Array.from({ length: 1000 }, (_, row) => (row % 4 === 0 ? 0.1 : 0.7));
    expect((await profileOf({ kind: "numeric", width: 1, values })).coordinates).toEqual([
      { edges: [0.1, 0.7], range: [0.1, 0.7], shares: [0.25, 0.75, 0] },
    ]);
  });

  test("of text has the most frequent values first, and the share of all others last", async () => {
    const few = await profileOf(texts("b", "a", "b", "c"));
    expect(few.coordinates).toEqual([{ values: ["b", "a", "c"], shares: [0.5, 0.25, 0.25, 0] }]);
    const many = await profileOf(texts(...Array.from({ length: 25 }, (_, k) => `t${k}`)));
    expect(many.coordinates[0]?.values).toHaveLength(20);
    expect(many.coordinates[0]?.shares.at(-1)).toBeCloseTo(0.2, 6);
    const long = await profileOf(texts("a", "x".repeat(65)));
    expect(long.coordinates).toEqual([{ values: ["a"], shares: [0.5, 0.5] }]);
  });

  test("has each coordinate of a vector, and no column beyond 64 coordinates", async () => {
    const vector = (width: number): NumericColumn => ({
      kind: "numeric",
      width,
      values: Float32Array.from({ length: 10 * width }, (_, at) => at),
    });
    const columns = { a: vector(60), b: vector(5), c: vector(4) };
    const profiles = await profileColumns({ rows: 10, columns }, ["a", "b", "c"]);
    expect(profiles.map(({ name, coordinates }) => [name, coordinates.length])).toEqual([
      ["a", 60],
      ["c", 4],
    ]);
  });
});

describe("the drift of a column", () => {
  test("is 0 on average where nothing changed, at any number of rows", async () => {
    for (const count of [100, 1000, rows]) {
      const indexes = await Promise.all(
        Array.from({ length: 20 }, async (_, seed) => {
          const before = await profileOf(normal(seed, 0, 1, count));
          const drift = await columnDrift(before, count, count, whole(normal(100 + seed, 0, 1, count)));
          return drift?.index ?? Number.NaN;
        }),
      );
      // Standard deviation of the index: sqrt(2 x 9) (1 / n + 1 / m), of which the half above 0 counts.
      const deviation = Math.sqrt(18) * (2 / count);
      expect(indexes.reduce((sum, index) => sum + index, 0) / 20).toBeLessThan(deviation);
      expect(Math.max(...indexes)).toBeLessThan(5 * deviation);
    }
  });

  test("of a shifted normal distribution is its symmetrized divergence, and the range is left", async () => {
    const drift = await driftOf(normal(1), normal(2, 0.5));
    // mu^2 = 0.25 without bins; ten bins lose some of it.
    expect(drift?.index).toBeGreaterThan(0.2);
    expect(drift?.index).toBeLessThan(0.26);
    expect((await driftOf(normal(1), normal(2, 3)))?.outside).toBeGreaterThan(0.4);
  });

  test("sees a wider spread with the same mean", async () => {
    expect((await driftOf(normal(1), normal(2, 0, 2)))?.index).toBeGreaterThan(0.25);
  });

  test("of a vector is that of the coordinate that differs most", async () => {
    const beside = (a: NumericColumn, b: NumericColumn): NumericColumn => ({
      kind: "numeric",
      width: 2,
      values: Float32Array.from({ length: 2 * rows }, (_, at) => (at % 2 === 0 ? a : b).values[at >> 1] as number),
    });
    const single = await driftOf(normal(1), normal(2, 1));
    const both = await driftOf(beside(normal(3), normal(1)), beside(normal(4), normal(2, 1)));
    expect(both).toEqual(single);
  });

  test("of text sees other shares, and texts that were never there", async () => {
    expect(await driftOf(texts("a", "b"), texts("b", "a"))).toEqual({ index: 0, outside: 0 });
    expect((await driftOf(texts("a", "b"), texts("a", "b", "b", "b")))?.index).toBeGreaterThan(0.25);
    const drift = await driftOf(texts("a", "b"), texts("a", "b", "a", "new"));
    expect(drift?.index).toBeGreaterThan(0.25);
    expect(drift?.outside).toBe(0.25);
  });

  test("of a constant column is seen on both sides", async () => {
    const constant = (value: number) => numbers(1, () => value);
    expect(await driftOf(constant(3), constant(3))).toEqual({ index: 0, outside: 0 });
    expect((await driftOf(constant(3), constant(2.9)))?.outside).toBe(1);
    expect((await driftOf(constant(3), constant(3.1)))?.index).toBeGreaterThan(1);
  });

  test("is unknown for few rows, and for another kind of column", async () => {
    const profile = await profileOf(normal(1));
    expect(await columnDrift(profile, 99, rows, whole(normal(2)))).toBeUndefined();
    expect(await columnDrift(profile, rows, 99, whole(normal(2, 0, 1, 99)))).toBeUndefined();
    expect(await columnDrift(profile, rows, rows, whole(texts("a")))).toBeUndefined();
    expect(await columnDrift(await profileOf(texts("a")), rows, rows, whole(normal(1)))).toBeUndefined();
    const strange = { name: "c", coordinates: [{ edges: [1, 2], shares: [1] }] };
    expect(await columnDrift(strange, rows, rows, whole(normal(1)))).toBeUndefined();
  });
});

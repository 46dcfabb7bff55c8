import { expect, test } from "vitest";
import { fingerprintRowSet } from "../../../../services/data/spill/row-set-fingerprint.ts";
import type { CategoricalColumn, Table } from "../../../../services/data/table/table.ts";

interface Row {
  readonly x: number;
  readonly z: readonly [number, number];
  readonly city: string;
  readonly id: string;
}

const ROWS: readonly Row[] = [
  { x: 1, z: [1, 2], city: "Oslo", id: "a" },
  { x: 2, z: [3, 4], city: "Rome", id: "b" },
  { x: 2, z: [3, 4], city: "Oslo", id: "c" },
];

function texts(values: readonly string[]): CategoricalColumn {
  const dictionary = [...new Set(values)];
  const codes = Int32Array.from(values, (value) => dictionary.indexOf(value));
  return { kind: "categorical", width: 1, codes, dictionary };
}

function fingerprint(rows: readonly Row[]): Promise<string> {
  const table: Table = {
    rows: rows.length,
    columns: {
      x: { kind: "numeric", width: 1, values: Float32Array.from(rows, ({ x }) => x) },
      city: texts(rows.map(({ city }) => city)),
      z: { kind: "numeric", width: 2, values: Float32Array.from(rows.flatMap(({ z }) => z)) },
    },
  };
  return fingerprintRowSet(table, { id: texts(rows.map(({ id }) => id)) });
}

test("does not depend on the order of rows", async () => {
  const expected = await fingerprint(ROWS);
  // The same in every version: it is in the store, and another one would begin a generation.
  expect(expected).toBe("5aaf60691edf3917ac04c4bf1eed0dbe909f987411fd7bde103a7553d5a695b9");
  expect(await fingerprint([...ROWS].reverse())).toBe(expected);
});

test("depends on every value, every key, and how often a row is there", async () => {
  const [first, second, third] = ROWS as [Row, Row, Row];
  const all = await Promise.all(
    [
      ROWS,
      [{ ...first, x: 1.5 }, second, third],
      [{ ...first, z: [2, 1] as const }, second, third],
      [{ ...first, city: "Rome" }, second, third],
      [{ ...first, id: "d" }, second, third],
      // The same values in every column, in other rows.
      [first, { ...second, id: "c" }, { ...third, id: "b" }],
      [first, second],
      [...ROWS, first],
      [...ROWS, first, first],
    ].map(fingerprint),
  );
  expect(new Set(all).size).toBe(all.length);
});

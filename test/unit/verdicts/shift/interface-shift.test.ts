import { expect, test } from "vitest";
import { measureShift } from "../../../../services/verdicts/shift/interface-shift.ts";

const rows = 2000;
/** 0 to 1 in equal steps: its standard deviation is 1 / sqrt 12 but for the last digits. */
const even = Float32Array.from({ length: rows }, (_, row) => row / (rows - 1));
const sd = Math.sqrt((rows + 1) / (12 * (rows - 1)));

/** Coordinates side by side. */
const beside = (...columns: readonly Float32Array[]) =>
  Float32Array.from({ length: rows * columns.length }, (_, at) => {
    const column = columns[at % columns.length] as Float32Array;
    return column[Math.floor(at / columns.length)] as number;
  });

test("an output that stays has not moved, and two of its rows in a thousand lie outside its own range", async () => {
  const { shift, outside, coordinates } = await measureShift(even, even, 1);
  expect(shift).toBe(0);
  // Ranks 1 and 1998 of 0 to 1999 bound the range: one row on each side lies outside.
  expect(outside).toEqual({ current: 2 / rows, candidate: 2 / rows });
  expect(coordinates).toEqual([{ index: 0, shift: 0, outside: 2 / rows }]);
});

test("an offset is a shift in standard deviations of the old output, and moves as many rows out of its range", async () => {
  const moved = even.map((value) => value + 0.25);
  const { shift, outside } = await measureShift(even, moved, 1);
  expect(shift).toBeCloseTo(0.25 / sd, 5);
  expect(outside.candidate).toBeCloseTo(0.25, 2);
  // A scale of its own does not matter.
  const scaled = await measureShift(
    even.map((value) => 1000 * value),
    moved.map((value) => 1000 * value),
    1,
  );
  expect(scaled.shift).toBeCloseTo(shift, 4);
});

test("coordinates are measured each, the farthest first, and a row is outside if any of them is", async () => {
  const still = new Float32Array(rows).fill(3);
  const first = even.map((value, row) => (row < 100 ? value - 2 : value));
  const last = even.map((value, row) => (row >= rows - 300 ? value + 2 : value));
  const current = beside(still, even, even);
  const { shift, outside, coordinates } = await measureShift(current, beside(still, first, last), 3);
  expect(coordinates.map(({ index }) => index)).toEqual([2, 1, 0]);
  const [farthest, next, none] = coordinates;
  expect(farthest?.shift).toBeCloseTo((0.15 * 2) / sd, 4);
  expect(next?.shift).toBeCloseTo((0.05 * 2) / sd, 4);
  expect(none).toEqual({ index: 0, shift: 0, outside: 0 });
  expect(shift).toBeCloseTo(((farthest?.shift ?? 0) + (next?.shift ?? 0)) / 3, 9);
  expect(outside.candidate).toBeCloseTo(400 / rows, 2);
});

test("a coordinate that did not vary counts in its own units", async () => {
  const still = new Float32Array(rows).fill(0.1);
  const { shift, outside } = await measureShift(
    still,
    still.map((value) => value + 0.5),
    1,
  );
  expect(shift).toBeCloseTo(0.5, 6);
  expect(outside).toEqual({ current: 0, candidate: 1 });
});

test("at most 16 coordinates are listed", async () => {
  const columns = Array.from({ length: 20 }, () => even);
  const moved = columns.map((column, index) => column.map((value) => value + index / 20));
  const { coordinates } = await measureShift(beside(...columns), beside(...moved), 20);
  expect(coordinates.map(({ index }) => index)).toEqual(Array.from({ length: 16 }, (_, at) => 19 - at));
});

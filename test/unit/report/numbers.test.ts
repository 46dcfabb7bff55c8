import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatNumber,
  formatPercent,
  formatSeconds,
  gridFormat,
  relativeChange,
} from "../../../services/report/numbers.ts";

describe("number formatting", () => {
  it.each([
    [104.23, "104"],
    [47.16, "47.2"],
    [1.382, "1.38"],
    [0.0214, "0.021"],
    [0, "0"],
    [-3.5, "-3.50"],
    [0.0000321, "3.2e-5"],
    [12_345_678, "1.2e+7"],
    [null, "-"],
    [Number.NaN, "-"],
  ])("formats %s as %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it("keeps numbers within 5 % of their value", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (value) => {
        expect(Math.abs(Number(formatNumber(value)) - value)).toBeLessThanOrEqual(0.0501 * value);
      }),
    );
  });

  it("relates a change to its start, and returns undefined for a start of 0", () => {
    expect(formatPercent(relativeChange(54.1, 104.7))).toBe("+94 %");
    expect(formatPercent(relativeChange(100, 0.64))).toBe("-99 %");
    expect(formatPercent(relativeChange(1, 1.013))).toBe("+1.3 %");
    expect(formatPercent(relativeChange(0, 3))).toBe("-");
  });

  it.each([
    [0.44, "0.4 s"],
    [12.4, "12 s"],
    [125, "2 min 5 s"],
    [3780, "1 h 3 min"],
  ])("formats %s seconds as %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});

describe("the format of a grid", () => {
  const shown = (rows: readonly (readonly (number | null)[])[]) => {
    const format = gridFormat(rows);
    return rows.map((row) => row.map(format));
  };

  it("has as many digits as tell neighbors apart", () => {
    expect(
      shown([
        [0.51234, 0.51241],
        [0.7, null],
      ]),
    ).toEqual([
      ["0.51234", "0.51241"],
      ["0.70000", "-"],
    ]);
    expect(shown([[104.23, 104.29, 3.1]])).toEqual([["104.23", "104.29", "3.10"]]);
    expect(shown([[1.00001e-5, 1.00002e-5]])).toEqual([["1.00001e-5", "1.00002e-5"]]);
    expect(shown([[12_345_678, 12_345_679]])).toEqual([["1.2345678e+7", "1.2345679e+7"]]);
  });

  it("is the usual one where that is enough, or neighbors are equal", () => {
    expect(shown([[104.23, 47.16, 0]])).toEqual([["104", "47.2", "0"]]);
    expect(shown([[1.382, 1.382]])).toEqual([["1.38", "1.38"]]);
    expect(shown([[1.382], [null], [1.3821]])).toEqual([["1.38"], ["-"], ["1.38"]]);
    expect(shown([])).toEqual([]);
  });

  it("tells all unequal neighbors apart that differ in their first eight digits, and no further", () => {
    const cell = fc.oneof(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.integer({ min: -300, max: 300 }).map((value) => 1 + value * 1e-7),
      fc.integer({ min: 1, max: 300 }).map((value) => value * 1e-6),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.array(cell, { minLength: 2, maxLength: 6 }), fc.boolean(), (cells, isRow) => {
        const rows = isRow ? [cells] : cells.map((one) => [one]);
        const texts = shown(rows).flat();
        for (const [i, text] of texts.entries()) {
          const [a, b] = [cells[i], cells[i + 1]];
          if (a === null || a === undefined || b === null || b === undefined) continue;
          const isClear = Math.abs(a - b) > 1e-7 * Math.max(Math.abs(a), Math.abs(b));
          if (isClear) expect(texts[i + 1]).not.toBe(text);
        }
      }),
    );
    expect(shown([[1, 1 + 1e-12]])).toEqual([["1.0000000", "1.0000000"]]);
  });
});

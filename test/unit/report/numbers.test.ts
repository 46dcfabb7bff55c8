import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatNumber, formatPercent, formatSeconds, relativeChange } from "../../../services/report/numbers.ts";

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

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cbrt, cos, exp, log } from "../../../services/common/elementary.ts";
import { exactCbrt, exactCos, exactExp, exactLog, ulpsFrom } from "../../helpers/high-precision.ts";

const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true });
/** 2^exponent times a number in [1, 2). */
const positive = fc
  .tuple(fc.integer({ min: -1070, max: 1000 }), finite(1, 1.9999999999999998))
  .map(([exponent, mantissa]) => {
    const half = Math.trunc(exponent / 2);
    return mantissa * 2 ** half * 2 ** (exponent - half);
  });

describe("is within 1 ulp of the exact value", () => {
  const near = (x: number) => finite(x - 0.01, x + 0.01);
  const cases = [
    ["exp", exp, exactExp, fc.oneof(finite(-700, 700), finite(-2, 2), finite(-1e-7, 1e-7), finite(-745, -700))],
    ["log", log, exactLog, fc.oneof(positive, finite(0.5, 2), near(1), finite(1e-320, 1e-300))],
    ["cos", cos, exactCos, fc.oneof(finite(0, Math.PI), finite(-1048576, 1048576), near(Math.PI / 2), near(Math.PI))],
    ["cbrt", cbrt, exactCbrt, fc.oneof(positive, finite(-1000, 1000), finite(-1, 1))],
  ] as const;

  test.each(cases)("%s", (_, approximate, exact, numbers) => {
    fc.assert(
      fc.property(numbers, (x) => {
        fc.pre(x !== 0);
        expect(ulpsFrom(exact(x), approximate(x)), `at ${x}`).toBeLessThan(1);
      }),
      { numRuns: 400 },
    );
  });
});

test("zero, infinity, NaN and the ends of the range are treated as Math's functions treat them", () => {
  const special = [0, -0, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -2, 710, -746, 5e-324];
  const same = (of: (x: number) => number, builtIn: (x: number) => number) => {
    for (const x of special) {
      const [ours, theirs] = [of(x), builtIn(x)];
      if (Number.isFinite(theirs) && theirs !== 0) expect(ours / theirs).toBeCloseTo(1, 14);
      else expect(ours).toBe(theirs);
    }
  };
  same(exp, Math.exp);
  same(log, Math.log);
  same(cbrt, Math.cbrt);
  expect(cos(0)).toBe(1);
  expect(cos(Math.PI)).toBe(-1);
});

/** Recorded once: the bits are the same on every machine. */
test("recorded values", () => {
  expect([exp(2), exp(-1), exp(0.1), exp(-745)]).toEqual([
    7.38905609893065, 0.36787944117144233, 1.1051709180756477, 5e-324,
  ]);
  expect([log(3), log(0.7), log(1e-12)]).toEqual([1.0986122886681096, -0.35667494393873245, -27.631021115928547]);
  expect([cos(1), cos(3), cos(1000)]).toEqual([0.5403023058681398, -0.9899924966004454, 0.562379076290703]);
  expect([cbrt(2), cbrt(-0.3)]).toEqual([1.2599210498948732, -0.6694329500821695]);
});

import { expect, test } from "vitest";
import { judge } from "../../../services/verdicts/judge.ts";

test.each([
  ["an interval below 0", [-2, -1], null, "improved"],
  ["an interval above 0", [1, 2], null, "degraded"],
  ["an interval above 0 and a component that degraded", [1, 2], [1, 2], "degraded"],
  ["an interval above 0 and a component that may have improved", [1, 2], [-1, 1], "degraded"],
  ["an interval above 0 and a component that improved", [1, 2], [-2, -1], "self-defeating"],
  ["an interval below 0 and a component that improved", [-2, -1], [-2, -1], "improved"],
  ["an interval around 0 and a component that improved", [-1, 1], [-2, -1], "inconclusive"],
  ["an interval that ends at 0", [-1, 0], null, "inconclusive"],
  ["an interval that begins at 0", [0, 1], [-2, -1], "inconclusive"],
  ["no difference at all", [0, 0], [0, 0], "inconclusive"],
  ["no interval", undefined, [-2, -1], "inconclusive"],
  ["an interval that is not a number", [Number.NaN, -1], null, "inconclusive"],
  ["an infinite interval", [Number.NEGATIVE_INFINITY, -1], null, "inconclusive"],
  ["a component interval that is not a number", [1, 2], [Number.NaN, Number.NaN], "degraded"],
] as const)("%s is judged", (_, pipeline, component, kind) => {
  expect(judge(pipeline, component)).toBe(kind);
});

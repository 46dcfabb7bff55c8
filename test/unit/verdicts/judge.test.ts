import { expect, test } from "vitest";
import { judge } from "../../../services/verdicts/judge.ts";

test.each([
  ["improved", undefined, "improved"],
  ["improved", "improved", "improved"],
  ["degraded", undefined, "degraded"],
  ["degraded", "degraded", "degraded"],
  ["degraded", "inconclusive", "degraded"],
  ["degraded", "equivalent", "degraded"],
  ["degraded", "improved", "self-defeating"],
  ["equivalent", "improved", "equivalent"],
  ["inconclusive", "improved", "inconclusive"],
] as const)("a pipeline that is %s by a component that is %s: %s", (pipeline, component, kind) => {
  expect(judge(pipeline, component)).toBe(kind);
});

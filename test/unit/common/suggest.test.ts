import { expect, test } from "vitest";
import { availableNames } from "../../../services/common/suggest.ts";

test("a message lists at most 30 names", () => {
  const names = Array.from({ length: 500 }, (_, i) => `c${i}`);
  expect(availableNames(names.slice(0, 3))).toBe("c0, c1, c2");
  expect(availableNames(names.slice(0, 30))).toMatch(/, c29$/);
  expect(availableNames(names)).toMatch(/^c0, .*, c29 and 470 more$/);
});

import { expect, it } from "vitest";
import { nothingYet } from "../../../../services/cli/text/nothing-yet.ts";

it("an empty list names the components that have entries", () => {
  expect(nothingYet("verdicts", undefined, [])).toBe("no verdicts yet");
  expect(nothingYet("verdicts", "m2", [])).toBe("no verdicts of m2 yet");
  expect(nothingYet("snapshots", "clik", ["click", "revenue", "click"])).toBe(
    'no snapshots of clik yet; available for: click, revenue; did you mean "click"?',
  );
});

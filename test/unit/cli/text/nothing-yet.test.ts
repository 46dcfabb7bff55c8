import { expect, it } from "vitest";
import { nothingYet } from "../../../../services/cli/text/nothing-yet.ts";

it("an empty list says for which components there is something", () => {
  expect(nothingYet("verdicts", undefined, [])).toBe("no verdicts yet");
  expect(nothingYet("verdicts", "m2", [])).toBe("no verdicts of m2 yet");
  expect(nothingYet("snapshots", "clik", ["click", "revenue", "click"])).toBe(
    'no snapshots of clik yet; there are some of: click, revenue; did you mean "click"?',
  );
});

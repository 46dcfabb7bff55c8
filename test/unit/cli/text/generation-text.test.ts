import { expect, test } from "vitest";
import { createGenerationLines, matrixRowsText, questionsText } from "../../../../services/cli/text/generation-text.ts";
import { verdict } from "../../../helpers/drafts.ts";

const on = (serial: number, generation?: number, horizon?: number) =>
  verdict(
    "m1",
    serial,
    generation === undefined
      ? {}
      : { heldOut: { fingerprint: "f", generation, ...(horizon !== undefined && { horizon }) } },
  );

test("a line stands between verdicts on different rows, and nowhere else", () => {
  const lines = createGenerationLines();
  const between = [on(1), on(2), on(3, 1), on(4, 1), on(5, 2), on(6, 2)].map((one) => lines.before(one));
  expect(between).toEqual([
    undefined,
    undefined,
    "-- held-out generation 1: other rows, so losses cannot be compared across this line (verdicts above do not name theirs) --",
    undefined,
    "-- held-out generation 2: other rows, so losses cannot be compared across this line (above is generation 1) --",
    undefined,
  ]);
});

test("the number of verdicts on the newest rows is told, with a warning beyond the horizon", () => {
  expect(questionsText([])).toBeUndefined();
  // Of version 1.
  expect(questionsText([on(1)])).toBeUndefined();
  expect(questionsText([on(1), on(2, 1)])).toBe("held-out generation 1: 1 verdict on the same rows");
  expect(questionsText([on(1, 1), on(2, 2, 2), on(3, 2, 2)])).toBe(
    "held-out generation 2: 2 verdicts on the same rows, declared good for 2",
  );
  expect(questionsText([on(1, 2, 2), on(2, 2, 2), on(3, 2, 2)])).toBe(
    "held-out generation 2: 3 verdicts on the same rows, declared good for 2; warning: some of what looks improved is chance: hold out other rows",
  );
});

test("a matrix names its rows once there were others", () => {
  const status = { startedAt: "2026-01-01T00:00:00.000Z", questions: 3, horizon: null };
  expect(matrixRowsText(null)).toBeUndefined();
  expect(matrixRowsText({ ...status, generation: 1 })).toBeUndefined();
  expect(matrixRowsText({ ...status, generation: 2 })).toBe(
    "held-out generation 2, since 2026-01-01T00:00:00.000Z: cells cannot be compared with those of earlier generations",
  );
});

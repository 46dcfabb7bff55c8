import { describe, expect, test } from "vitest";
import {
  calibrate,
  calibrateFamily,
  calibrationLine,
  FAMILY_KINDS,
  FAMILY_TRIALS,
  falseJudgments,
  familyLine,
  TRIALS,
} from "../helpers/calibration.ts";
import { ROW_KINDS } from "../helpers/loss-rows.ts";

const LEVEL = 0.05;

/** Three Monte Carlo errors of a share: one cell in some hundred fails by chance, and there are 36. */
function margin(share: number, trials: number): number {
  return 3 * Math.sqrt((share * (1 - share)) / trials);
}

describe.each([200, 1000, 10_000])("%i rows", (rows) => {
  const trials = TRIALS[rows] as number;
  test.each(ROW_KINDS.map((kind) => [kind.name, kind] as const))(
    "%s: few false verdicts, and most true ones",
    async (_, kind) => {
      const found = await calibrate(kind, rows, trials);
      console.log(calibrationLine(found));
      expect(found.improved + found.degraded).toBeLessThanOrEqual(LEVEL + margin(LEVEL, trials));
      expect(found.improved).toBeLessThanOrEqual(LEVEL / 2 + margin(LEVEL / 2, trials));
      expect(found.degraded).toBeLessThanOrEqual(LEVEL / 2 + margin(LEVEL / 2, trials));
      expect(found.opposite).toBeLessThanOrEqual(0.01);
      // A sample without the rows that make the tail decides nothing; how often that is so is in the table.
      const decided = kind.independent && rows === 10_000 ? 0.9 : 0.8;
      if (found.tooFew < 0.9) expect(found.decidedOfEnough).toBeGreaterThanOrEqual(decided - margin(decided, trials));
      if (isTame(kind.name)) expect(found.decided).toBeGreaterThanOrEqual(decided - margin(decided, trials));
    },
  );
});

test.each(ROW_KINDS.map((kind) => [kind.name, kind] as const))(
  "an evaluator's judgment of 200 rows, %s",
  async (_, kind) => {
    const trials = TRIALS[200] as number;
    expect(await falseJudgments(kind, 200, trials)).toBeLessThanOrEqual(LEVEL + margin(LEVEL, trials));
  },
);

test.each(FAMILY_KINDS.map((kind) => [kind.name, kind] as const))(
  "a matrix of which no pair differs, %s",
  async (_, kind) => {
    const found = await calibrateFamily(kind);
    console.log(familyLine(found));
    expect(found.corrected).toBeLessThanOrEqual(LEVEL + margin(LEVEL, FAMILY_TRIALS));
    expect(found.uncorrected).toBeGreaterThan(2 * found.corrected);
  },
);

/** Kinds of rows that must be decided at any size: none of their samples may be refused as too few to speak of. */
function isTame(name: string): boolean {
  return /^(independent|squared|groups, ICC|groups that|crossed|skewed: exp)/.test(name);
}

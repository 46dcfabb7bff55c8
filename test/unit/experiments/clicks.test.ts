import { expect, test } from "vitest";
import { type ClickEstimator, clickRows } from "../../../services/experiments/beyond/clicks.ts";

test("a source is compared with calibration from as many audited rows, seed by seed", async () => {
  const perSeed = Array.from({ length: 12 }, (_, seed) =>
    (["propensity", "click"] as const).flatMap((cause) =>
      [300, 1000].flatMap((audited) => {
        // Seeds differ a lot, the two sources by 2 or 3 in each.
        const calibration = (1 + seed) * (audited === 300 ? 10 : 1) * (cause === "click" ? 5 : 1);
        const loss = (estimator: ClickEstimator, consistent: number) => ({
          cause,
          estimator,
          audited,
          initial: 100,
          consistent,
        });
        return [loss("pooled", calibration + 2 + (seed % 2)), loss("calibration", calibration)];
      }),
    ),
  );
  const rows = await clickRows(perSeed);
  for (const { estimator, beyondCalibration } of rows) {
    if (estimator === "calibration") expect(beyondCalibration).toBeUndefined();
    else {
      expect(beyondCalibration?.mean).toBeCloseTo(2.5, 9);
      expect(beyondCalibration?.interval?.[0]).toBeGreaterThan(2);
      expect(beyondCalibration?.interval?.[1]).toBeLessThan(3);
    }
  }
});

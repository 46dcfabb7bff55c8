import { expect, it } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { diagnosisText, type NamedDiagnosis } from "../../../../services/cli/text/diagnosis-text.ts";

const estimate = (value: number, low: number, high: number) => ({ value, interval: [low, high] as const });

const diagnosis: NamedDiagnosis = {
  snapshot: "m1@3",
  against: "m1@1",
  component: "m1",
  downstream: "m2",
  seeds: 3,
  trainingRows: 5000,
  heldOutRows: 5000,
  losses: { before: 0.5, after: 0.65 },
  change: estimate(0.15, 0.1, 0.2),
  parts: {
    upstream: estimate(0.05, -0.02, 0.1),
    approximation: estimate(0.09, 0.02, 0.16),
    estimation: estimate(0.01, -0.01, 0.03),
  },
  probabilities: { upstream: 0.09, approximation: 0.91, estimation: 0 },
  cause: null,
  retraining: {
    current: 0.49,
    asItIs: estimate(0.4, 0.35, 0.45),
    retrained: estimate(0.16, 0.11, 0.21),
    outcome: "self-defeating-after-retraining",
  },
};

it("says whether retraining repairs an update, and then which part is the cause", () => {
  expect(
    diagnosisText(diagnosis, createStyle(false)),
  ).toBe(`m1@3, compared with the m2 in use at its verdict on m1@1: loss 0.49

M2         CHANGE  95 % INTERVAL
as it is     0.40  [0.35, 0.45]
retrained    0.16  [0.11, 0.21]

Outcome: self-defeating after retraining: retraining the downstream does not repair the update.

m1@3 instead of m1@1, with m2 retrained on each: loss 0.50 -> 0.65

PART                            CHANGE  95 % INTERVAL
upstream error                   0.050  [-0.020, 0.10]
downstream approximation error   0.090  [0.020, 0.16]
downstream estimation error      0.010  [-0.010, 0.030]
total                             0.15  [0.10, 0.20]

No single part is clearly the cause; the likeliest is approximation, with a probability of 0.91.`);
});

it("leaves out what needs the downstream in use, if there is none", () => {
  const text = diagnosisText({ ...diagnosis, cause: "approximation", retraining: null }, createStyle(false));
  expect(text).toMatch(/^m1@3 instead of m1@1/);
  expect(text).toMatch(/Cause: approximation: the downstream's model class is too simple for the output\.$/);
});

it("names no cause of no change", () => {
  const text = diagnosisText({ ...diagnosis, change: estimate(0, 0, 0) }, createStyle(false));
  expect(text).toMatch(/The update changes nothing for the retrained downstream\.$/);
});

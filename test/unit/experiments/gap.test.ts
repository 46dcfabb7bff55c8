import { expect, test } from "vitest";
import { countForecasts, type Outcome } from "../../../services/experiments/beyond/gap.ts";

const outcome = (kind: Outcome["kind"], relative: number): Outcome => ({ kind, relative, interval: [0, 0] });
const worse = outcome("degraded", 0.3);
const better = outcome("improved", -0.2);
const undecided = outcome("inconclusive", 0.01);

test("forecasts count where the verdict decides, by their sign; sure ones where both decide", () => {
  const trials = [
    { forecast: worse, noisyForecast: worse, verdicts: { exact: worse, trained: worse } },
    { forecast: better, noisyForecast: worse, verdicts: { exact: worse, trained: better } },
    { forecast: undecided, noisyForecast: undecided, verdicts: { exact: worse, trained: better } },
    { forecast: better, noisyForecast: worse, verdicts: { exact: better, trained: undecided } },
  ];
  expect(countForecasts(trials, "exact")).toMatchObject({
    updates: 4,
    degraded: { count: 2, trials: 3 },
    improved: { count: 1, trials: 1 },
    right: { count: 3, trials: 4 },
    sure: { count: 2, trials: 3 },
    noisy: { count: 3, trials: 4 },
    error: expect.closeTo(0.29, 12),
  });
  expect(countForecasts(trials, "trained")).toMatchObject({ right: { count: 2, trials: 3 } });
  expect(countForecasts(trials, "incremental")).toMatchObject({ updates: 0, right: { interval: [0, 1] } });
});

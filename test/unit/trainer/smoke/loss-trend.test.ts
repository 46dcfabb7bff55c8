import { expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { lossTrend } from "../../../../services/trainer/smoke/loss-trend.ts";

const noisy = (of: (step: number) => number, noise: number) => {
  const random = createRandom(3, "losses");
  return Array.from({ length: 200 }, (_, step) => of(step) + noise * random.gaussian());
};

test("the means of the first and of the last quarter are compared by their standard errors", () => {
  expect(lossTrend([4, 3, 2, 1])).toEqual({ first: 4, last: 1, trend: "fell" });
  expect(lossTrend(noisy((step) => 1 - step / 1000, 0.02)).trend).toBe("fell");
  expect(lossTrend(noisy((step) => 1 + step / 1000, 0.02)).trend).toBe("rose");
  expect(lossTrend(noisy(() => 1, 0.2)).trend).toBe("flat");
  // A small fall drowns in the noise.
  expect(lossTrend(noisy((step) => 1 - step / 1e5, 0.2)).trend).toBe("flat");
});

test("one step neither falls nor rises", () => {
  expect(lossTrend([0.5])).toEqual({ first: 0.5, last: 0.5, trend: "flat" });
});

import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createEvaluatorMetrics } from "../../../services/evaluator/evaluator-metrics.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { verdict } from "../../helpers/drafts.ts";

test("a candidate without a finite loss removes its predecessor's loss from the metrics", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const gauges = {
    clock: createVirtualClock(),
    pending: async () => 0,
    cachedBytes: () => ({ outputs: 0, models: 0 }),
  };
  const metrics = createEvaluatorMetrics(page, ["m1", "m2"], gauges);
  const samples = async () =>
    (await page.text()).split("\n").filter((line) => line.startsWith("uncouple_pipeline_loss{"));
  metrics.losses(verdict("m1", 1), 0.25);
  metrics.losses(verdict("m2", 1), 0.5);
  expect(await samples()).toHaveLength(2);
  metrics.losses(verdict("m1", 2, { reason: "not-finite" }), null);
  expect(await samples()).toEqual(['uncouple_pipeline_loss{component="m2",role="candidate",service="evaluator"} 0.5']);
});

import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createEvaluatorMetrics, type EvaluatorGauges } from "../../../services/evaluator/evaluator-metrics.ts";
import { createQuestionCount } from "../../../services/pipeline/questions.ts";
import type { ConsistencyGap, MeasuredGaps } from "../../../services/pipeline/verdict.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { verdict } from "../../helpers/drafts.ts";

/** The gauges of an evaluator that has nothing to show. */
const gaugesOf = (change: Partial<EvaluatorGauges> = {}): EvaluatorGauges => ({
  clock: createVirtualClock(),
  questions: createQuestionCount(),
  horizon: undefined,
  pending: async () => 0,
  cachedBytes: () => ({ outputs: 0, models: 0 }),
  publishedAt: () => undefined,
  gaps: async () => undefined,
  ...change,
});

test("a candidate without a finite loss removes its predecessor's loss from the metrics", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const metrics = createEvaluatorMetrics(page, ["m1", "m2"], gaugesOf());
  const samples = async () =>
    (await page.text()).split("\n").filter((line) => line.startsWith("uncouple_pipeline_loss{"));
  metrics.losses(verdict("m1", 1), 0.25);
  metrics.losses(verdict("m2", 1), 0.5);
  expect(await samples()).toHaveLength(2);
  metrics.losses(verdict("m1", 2, { reason: "not-finite" }), null);
  expect(await samples()).toEqual(['uncouple_pipeline_loss{component="m2",role="candidate",service="evaluator"} 0.5']);
});

test("the age of a component's newest snapshot grows between scrapes, and is absent before the first snapshot", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const clock = createVirtualClock();
  const published = new Date(clock.now()).toISOString();
  createEvaluatorMetrics(
    page,
    ["m1", "m2"],
    gaugesOf({ clock, publishedAt: (component: string) => (component === "m1" ? published : undefined) }),
  );
  const samples = async () =>
    (await page.text()).split("\n").filter((line) => line.startsWith("uncouple_snapshot_age_seconds{"));
  expect(await samples()).toEqual(['uncouple_snapshot_age_seconds{component="m1",service="evaluator"} 0']);
  await clock.advance(90_000);
  expect(await samples()).toEqual(['uncouple_snapshot_age_seconds{component="m1",service="evaluator"} 90']);
});

test("slices, flips and the interface shift are those of the newest verdict, and absent where it has none", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const metrics = createEvaluatorMetrics(page, ["m1"], gaugesOf());
  const samples = async () =>
    (await page.text())
      .split("\n")
      .filter((line) => /^uncouple_(worst|degraded|negative|interface|adapter)_\w+\{/.test(line));
  const interval = [0, 1] as const;
  const composition = { m1: 1 };
  const losses = { currentLoss: 1, candidateLoss: 1.5, difference: 0.5 };
  const comparison = { current: composition, candidate: composition, ...losses, interval, kind: "inconclusive" };
  const worstSlice = { column: "c", value: "v", rows: 9, kind: "degraded", difference: 1, relative: 0.5, interval };
  const negativeFlips = { count: 1, rate: 0.25, interval };
  const adapter = { loss: 1, difference: 0.1, interval, recovered: 0.8, explains: "undecided" };
  const outside = { current: 0.25, candidate: 0.75 };
  metrics.losses(
    verdict("m1", 1, {
      comparison: {
        ...comparison,
        slices: [worstSlice, { ...worstSlice, kind: "improved" }],
        worstSlice,
        negativeFlips,
      },
      interfaceShift: { shift: 1.5, outside, coordinates: [], adapter },
    }),
  );
  expect(await samples()).toEqual([
    'uncouple_worst_slice_change{component="m1",service="evaluator"} 0.5',
    'uncouple_degraded_slices{component="m1",service="evaluator"} 1',
    'uncouple_interface_shift{component="m1",service="evaluator"} 1.5',
    'uncouple_interface_outside{component="m1",service="evaluator"} 0.5',
    'uncouple_adapter_recovered{component="m1",service="evaluator"} 0.8',
    'uncouple_negative_flip_rate{component="m1",service="evaluator"} 0.25',
  ]);
  metrics.losses(verdict("m1", 2, { comparison }));
  expect(await samples()).toEqual([]);
});

test("consistency gaps are fractions of the loss, and keep their values while they cannot be measured", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const edge = { upstream: "m1", downstream: "m2", kind: "degraded", relative: 0.5 } as const;
  const gap: ConsistencyGap = { ...edge, currentLoss: -2, gap: 1, interval: [0.5, 2] };
  let measured: () => Promise<MeasuredGaps | undefined> = async () => ({ rows: 100, gaps: [gap] });
  createEvaluatorMetrics(page, ["m1", "m2"], gaugesOf({ gaps: () => measured() }));
  const samples = async () =>
    (await page.text()).split("\n").filter((line) => line.startsWith("uncouple_consistency_gap"));
  const both = [
    'uncouple_consistency_gap{upstream="m1",downstream="m2",service="evaluator"} 0.5',
    'uncouple_consistency_gap_low{upstream="m1",downstream="m2",service="evaluator"} 0.25',
  ];
  expect(await samples()).toEqual(both);
  measured = () => Promise.reject(new UncoupleError("unavailable", "no host"));
  expect(await samples()).toEqual(both);
  measured = async () => undefined;
  expect(await samples()).toEqual([]);
});

test("each objective has losses of its own, those of the newest verdict", async () => {
  const page = createMetrics({ service: "evaluator", version: "1" });
  const metrics = createEvaluatorMetrics(page, ["m1", "tip", "fare"], gaugesOf());
  const samples = async () => (await page.text()).split("\n").filter((line) => /^uncouple_objective_\w+\{/.test(line));
  const interval = [-1, 1] as const;
  const composition = { m1: 1 };
  const losses = { currentLoss: 1, candidateLoss: 1.5, difference: 0.5 };
  const comparison = { current: composition, candidate: composition, ...losses, interval, kind: "inconclusive" };
  const tip = { component: "tip", weight: 1, ...losses, kind: "inconclusive", relative: 0.5, interval, level: 0.95 };
  const fare = { ...tip, component: "fare", currentLoss: 4, candidateLoss: 3 };
  const negativeFlips = { count: 1, rate: 0.25, interval };
  // A later pipeline file may have an objective that this one does not.
  const other = { ...tip, component: "removed" };
  metrics.losses(
    verdict("m1", 1, { comparison: { ...comparison, objectives: [{ ...tip, negativeFlips }, fare, other] } }),
  );
  const labels = (objective: string, role: string) =>
    `{component="m1",objective="${objective}",role="${role}",service="evaluator"}`;
  expect((await samples()).sort()).toEqual([
    `uncouple_objective_loss${labels("fare", "candidate")} 3`,
    `uncouple_objective_loss${labels("fare", "current")} 4`,
    `uncouple_objective_loss${labels("tip", "candidate")} 1.5`,
    `uncouple_objective_loss${labels("tip", "current")} 1`,
    'uncouple_objective_negative_flip_rate{component="m1",objective="tip",service="evaluator"} 0.25',
  ]);
  metrics.losses(verdict("m1", 2, { comparison }));
  expect(await samples()).toEqual([]);
});

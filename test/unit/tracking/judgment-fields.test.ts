import { expect, test } from "vitest";
import { quarantineBatch, verdictBatch } from "../../../services/tracking/judgment-fields.ts";
import { quarantine, verdict } from "../../helpers/drafts.ts";

test("a verdict is metrics of what was measured, and tags", () => {
  const gap = { upstream: "m1", downstream: "m2", gap: 0.2 };
  const { metrics, tags } = verdictBatch(
    verdict("m2", 3, {
      kind: "improved",
      reason: undefined,
      componentLoss: { current: 0.6, candidate: 0.5 },
      componentInterval: [-0.2, -0.1],
      comparison: { currentLoss: 2, candidateLoss: 1, difference: -1, interval: [-1.5, -0.5], harm: { harm: 0.1 } },
      consistency: { candidate: [gap], current: [] },
      heldOut: { generation: 4 },
    } as unknown as Parameters<typeof verdict>[2]),
  );
  expect(Object.fromEntries(metrics.map(({ key, value }) => [key, value]))).toEqual({
    "verdict.current_loss": 2,
    "verdict.candidate_loss": 1,
    "verdict.difference": -1,
    "verdict.interval_low": -1.5,
    "verdict.interval_high": -0.5,
    "verdict.component_loss": 0.5,
    "verdict.component_loss_current": 0.6,
    "verdict.component_interval_low": -0.2,
    "verdict.component_interval_high": -0.1,
    "verdict.harm": 0.1,
    "verdict.gap.m1.m2": 0.2,
  });
  // The same from any evaluator at any time: a repetition changes nothing.
  expect(new Set(metrics.map(({ timestamp, step }) => `${timestamp} ${step}`))).toEqual(
    new Set([`${Date.parse("2026-01-01T00:02:00.000Z")} 0`]),
  );
  // The kind comes last: a run that has it has all of the verdict.
  expect(Object.keys(tags).at(-1)).toBe("uncouple.verdict");
  expect(tags).toMatchObject({ "uncouple.verdict": "improved", "uncouple.verdict.generation": "4" });
  expect(tags).not.toHaveProperty("uncouple.verdict.reason");
});

test("what was not measured is left out", () => {
  const { metrics, tags } = verdictBatch(verdict("m1", 1));
  expect(metrics.map(({ key }) => key)).toEqual(["verdict.component_loss"]);
  expect(tags).toMatchObject({ "uncouple.verdict": "inconclusive", "uncouple.verdict.reason": "no-current-snapshot" });
});

test("a quarantine is tags, the first of which comes last", () => {
  const { tags } = quarantineBatch(quarantine("m1", 1, { reason: "failed-test", detail: "failed tests: a" }));
  expect(Object.entries(tags).at(-1)).toEqual(["uncouple.quarantine", "true"]);
  expect(tags).toMatchObject({
    "uncouple.quarantine.reason": "failed-test",
    "uncouple.quarantine.detail": "failed tests: a",
  });
});

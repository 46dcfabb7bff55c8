import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createEngine } from "../../../services/engine/create-engine.ts";
import { type PolicyRegret, policyOf } from "../../../services/experiments/beyond/policy.ts";
import { SMALL_SIZES } from "../../../services/experiments/paper/two-stage.ts";

describe("a component that chooses actions", () => {
  let regrets: readonly PolicyRegret[];
  const of = (feedback: string, protocol: string, upstream: string) =>
    regrets.find((row) => row.feedback === feedback && row.protocol === protocol && row.upstream === upstream)
      ?.regret ?? Number.NaN;

  beforeAll(async () => {
    regrets = await policyOf(1, SMALL_SIZES, await createEngine("onnx:cpu", { clock: systemClock, log: () => {} }));
  });

  it.each(["full", "logged"])(
    "is consistent when trained causally, and not when trained async, from %s rewards",
    (feedback) => {
      for (const causal of ["causal", "causal-audited"]) {
        expect(of(feedback, causal, "consistent")).toBeLessThan(of(feedback, "async", "consistent") / 2);
        expect(of(feedback, causal, "consistent")).toBeLessThan(2 * of(feedback, "sync", "consistent"));
        expect(of(feedback, causal, "incremental")).toBeLessThan(of(feedback, causal, "initial"));
      }
    },
  );

  it.each(["full", "logged"])("pays for consistency with a higher initial regret, from %s rewards", (feedback) => {
    expect(of(feedback, "async", "initial")).toBeLessThan(of(feedback, "causal", "initial"));
    expect(Math.abs(of(feedback, "causal", "initial") - 100)).toBeLessThan(10);
  });

  it("learns nearly as well from logged actions as from the reward of every action", () => {
    expect(of("logged", "sync", "consistent")).toBeLessThan(1.5 * of("full", "sync", "consistent"));
  });
});

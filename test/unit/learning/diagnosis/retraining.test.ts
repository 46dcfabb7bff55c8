import { describe, expect, it } from "vitest";
import type { Estimate } from "../../../../services/learning/diagnosis/resample.ts";
import { retrainingOutcome } from "../../../../services/learning/diagnosis/retraining.ts";

const around = (value: number): Estimate => ({ value, interval: [value - 0.1, value + 0.1] });

/** Changes from the downstream in use, and between the downstreams retrained on either snapshot. */
const outcome = (asItIs: number, retrained: number, change: number, minimumEffect = 0) =>
  retrainingOutcome({
    current: 2,
    asItIs: around(asItIs),
    retrained: around(retrained),
    change: around(change),
    minimumEffect,
  }).outcome;

describe("what retraining makes of an update", () => {
  it("is coupled if the retrained downstream is better than the one in use", () => {
    expect(outcome(0.5, -0.5, -0.5)).toBe("coupled");
    // The downstream in use was not adapted to the old snapshot as well as it might be.
    expect(outcome(0.5, -0.5, 0)).toBe("coupled");
  });

  it("is self-defeating after retraining if the loss rises in both comparisons", () => {
    expect(outcome(0.5, 0.3, 0.3)).toBe("self-defeating-after-retraining");
  });

  it("is undecided if the comparisons contradict each other, or say nothing", () => {
    // Retraining falls short of what is in use, on either snapshot.
    expect(outcome(0.5, 0.3, 0)).toBe("undecided");
    // Retraining on the old snapshot would be better still.
    expect(outcome(0.5, -0.5, 0.3)).toBe("undecided");
    expect(outcome(0.5, 0, 0)).toBe("undecided");
  });

  it("is coupled, too, if what retraining leaves of the harm does not matter", () => {
    expect(outcome(0.5, 0, 0, 0.04)).toBe("undecided");
    expect(outcome(0.5, 0, 0, 0.06)).toBe("coupled");
  });

  it("has nothing to repair if the update does not surely degrade the downstream as it is", () => {
    expect(outcome(0.05, 0.3, 0.3)).toBe("not-degraded");
    expect(outcome(-0.5, -0.5, -0.5)).toBe("not-degraded");
  });
});

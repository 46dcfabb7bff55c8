import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CURVE_POINTS, type LossCurve } from "../../../../services/pipeline/run-report.ts";
import { recordCurve } from "../../../../services/trainer/runs/loss-curve.ts";
import { team } from "../../../helpers/teams.ts";

const lossOf = (step: number) => Math.fround(1 / step);
const lossesOf = (first: number, last: number) =>
  Float32Array.from({ length: last - first }, (_, place) => lossOf(first + place + 1));

/** Records a training in chunks; each of `deaths` resumes from the checkpoint before it. */
function recorded(steps: number, chunks: readonly number[], deaths: readonly number[] = []): LossCurve {
  const settings = team({ steps, schedule: { warmup: 0, decay: "cosine" } });
  let recorder = recordCurve(settings);
  let step = 0;
  const left = [...deaths];
  for (let turn = 0; step < steps; turn++) {
    const first = step;
    step = Math.min(steps, step + (chunks[turn % chunks.length] as number));
    recorder.add({ step, losses: lossesOf(first, step) });
    if (left.length > 0 && step >= (left[0] as number)) {
      // The curve on disk is newer than the checkpoint.
      const before = recorder.curve();
      step = Math.max(0, first);
      const recentLosses = [...lossesOf(Math.max(0, step - 100), step)];
      recorder =
        step === 0
          ? recordCurve(settings)
          : recordCurve(settings, { checkpoint: { step, state: {}, recentLosses }, before });
      left.shift();
    }
  }
  return recorder.curve();
}

describe("a loss curve", () => {
  test("has every step of a short training", () => {
    const { every, window, points } = recorded(40, [7]);
    expect([every, window]).toEqual([1, 1]);
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, place) => place + 1));
    expect(points.map(({ loss }) => loss)).toEqual([...lossesOf(0, 40)]);
  });

  test("has the means of evenly spaced steps of a long one, with the learning rates of its schedule", () => {
    const { every, window, points } = recorded(60_050, [977]);
    expect([every, window]).toEqual([121, 100]);
    expect(points).toHaveLength(Math.ceil(60_050 / 121));
    expect(points.length).toBeLessThanOrEqual(CURVE_POINTS + 1);
    const steps = lossesOf(121 - 100, 121);
    expect(points[0]).toMatchObject({ step: 121, loss: steps.reduce((sum, loss) => sum + loss, 0) / 100 });
    expect(points.at(-1)?.step).toBe(60_050);
    expect(points.at(-1)?.learningRate).toBeLessThan(points[0]?.learningRate ?? 0);
  });

  test("ends where the training stops, if that is before the last step of its schedule", () => {
    const recorder = recordCurve(team({ steps: 1000, stopAfter: 9 }));
    recorder.add({ step: 9, losses: lossesOf(0, 9) });
    expect(recorder.curve().points.at(-1)?.step).toBe(9);
  });

  test("does not depend on chunks, deaths and resumptions, bit for bit", () => {
    const chunk = fc.integer({ min: 1, max: 900 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.array(chunk, { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 4 }),
        (steps, chunks, deaths) => {
          const sorted = deaths.toSorted((a, b) => a - b);
          expect(recorded(steps, chunks, sorted)).toEqual(recorded(steps, [501]));
        },
      ),
      { numRuns: 15 },
    );
  });
});

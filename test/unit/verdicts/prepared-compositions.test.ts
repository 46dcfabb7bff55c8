import { expect, test } from "vitest";
import { compositionKey } from "../../../services/pipeline/composition-key.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { judgeSnapshot } from "../../../services/verdicts/judgement.ts";
import { createSharedWeights } from "../../../services/verdicts/paired/shared-weights.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

/** Judges u@2 with d@1 current and others retained. @returns the objective's compositions, by when they were named */
async function judged(current: Composition) {
  const prepared: string[] = [];
  const measured: string[] = [];
  await judgeSnapshot(
    { component: "u", serial: 2 },
    {
      pipeline: twoComponents,
      losses: {
        check: async () => {},
        output: async () => new Float32Array(50),
        prepare: (component, compositions) =>
          void prepared.push(...compositions.map((composition) => compositionKey(component, composition))),
        async rowLosses(component, composition) {
          if (component === "d") measured.push(compositionKey(component, composition));
          return Float64Array.from({ length: 50 }, (_, row) => 1 + (row % 7) / (composition.u ?? 1));
        },
        rowErrors: async () => undefined,
      },
      structure: { groupings: [], slices: [] },
      current,
      alternatives: () => [1, 2, 3],
      proven: () => true,
      drawShared: createSharedWeights(),
      signal: new AbortController().signal,
    },
  );
  return { prepared, measured };
}

test("an update's compositions are all prepared, under alternatives as well, and no others", async () => {
  const { prepared, measured } = await judged({ u: 1, d: 1 });
  expect(prepared).toHaveLength(6);
  expect(new Set(measured)).toEqual(new Set(prepared));
});

test("nothing is prepared where there is nothing to compare", async () => {
  expect((await judged({ d: 1 })).prepared).toEqual([]);
  expect((await judged({ u: 1 })).prepared).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { composeLosses } from "../../../../services/composition/compose-losses.ts";
import { createComposer } from "../../../../services/composition/composer.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import { type Target, targetOf } from "../../../../services/data/targets/losses.ts";
import { modelOfBytes } from "../../../../services/inference/hosted-model.ts";
import { componentNamed } from "../../../../services/pipeline/dag.ts";
import type { OutputSpec, Pipeline } from "../../../../services/pipeline/pipeline.ts";
import { judgeSnapshot, type RowStructure } from "../../../../services/verdicts/judgement.ts";
import { createSharedWeights } from "../../../../services/verdicts/paired/shared-weights.ts";
import { testAdapter } from "../../../../services/verdicts/shift/adapter-test.ts";
import {
  component,
  type LinearModel,
  linearBytes,
  loadLinear,
  pipelineOf,
  tableOf,
  twoComponents,
} from "../../../helpers/linear-pipelines.ts";
import { localInference } from "../../../helpers/local-inference.ts";

const independent: RowStructure = { groupings: [], slices: [] };

/** x and w are independent; z is x, y is z with noise. */
function dataOf(rows: number) {
  const random = createRandom(1, "rows");
  const draw = () => Array.from({ length: rows }, () => random.gaussian());
  const [x, w, noise] = [draw(), draw(), draw()];
  return tableOf({ x, w, z: x, y: x.map((value, row) => value + (noise[row] as number)) });
}

const models: Readonly<Record<string, LinearModel>> = {
  "u@1": { weights: { x: 0.8 } },
  /** The same, in other units. */
  "u@2": { weights: { x: -1.6 }, bias: 3 },
  /** Of another column. */
  "u@3": { weights: { w: 0.8 } },
  /** In other units and with a third of the variance of its own. */
  "u@4": { weights: { x: -1.6, w: 0.8 }, bias: 3 },
  /** A little better for d@1. */
  "u@5": { weights: { x: 0.83 } },
  "d@1": { weights: { "u-out": 1.2 } },
};

/** Judges an update of u, where d@1 was made for u@1. */
async function judge(
  serial: number,
  { rows = 2000, structure = independent, pipeline = withBoth(twoComponents), current = { u: 1, d: 1 } as object } = {},
) {
  const heldOut = dataOf(rows);
  const composer = createComposer(
    { pipeline, heldOut, outputCacheBytes: 1e9 },
    {
      inference: localInference(loadLinear),
      modelOf: async ({ name, columns, upstream, output }, of) =>
        modelOfBytes(`${name}@${of}`, linearBytes(models[`${name}@${of}`] as LinearModel), {
          inputs: [...columns, ...upstream.map((other) => `${other}-out`)].map((input) => ({
            name: input,
            kind: "numeric",
            width: 1,
          })),
          output: { name: output.name, kind: "numeric", width: 1 },
        }),
    },
  );
  const targets = new Map<string, Target>(
    pipeline.components.map(({ name, target }) => {
      const column = heldOut.columns[target];
      if (column === undefined) throw new Error(`no column ${target}`);
      return [name, targetOf(componentNamed(pipeline, name), column)];
    }),
  );
  return judgeSnapshot(
    { component: "u", serial },
    {
      pipeline,
      losses: composeLosses(pipeline, composer, targets),
      structure,
      current: current as Readonly<Record<string, number>>,
      alternatives: () => [],
      proven: () => true,
      drawShared: createSharedWeights(),
      signal: new AbortController().signal,
    },
  );
}

/** u reads w, too. */
function withBoth(pipeline: Pipeline): Pipeline {
  const components = pipeline.components.map((one) => (one.name === "u" ? { ...one, columns: ["x", "w"] } : one));
  return { ...pipeline, components };
}

describe("the harm of an update", () => {
  test("that only speaks in other units is a convention: an adapter removes all of it", async () => {
    const { kind, interfaceShift, comparison } = await judge(2);
    expect(kind).toBe("degraded");
    const { adapter, shift, outside } = interfaceShift ?? {};
    expect(adapter?.explains).toBe("convention");
    expect(adapter?.recovered).toBeCloseTo(1, 3);
    expect(adapter?.loss).toBeCloseTo(comparison?.currentLoss ?? Number.NaN, 3);
    expect(shift).toBeGreaterThan(3);
    expect(outside?.candidate).toBeGreaterThan(0.3);
  });

  test("that says something else is one of content: no adapter helps", async () => {
    const { kind, interfaceShift } = await judge(3);
    expect(kind).toBe("degraded");
    expect(interfaceShift?.adapter?.explains).toBe("content");
    expect(interfaceShift?.adapter?.recovered).toBeLessThan(0.6);
    expect(interfaceShift?.adapter?.interval[0]).toBeGreaterThan(0);
  });

  test("that does both is still one of content, and the share that an adapter removes is known", async () => {
    const { interfaceShift } = await judge(4);
    expect(interfaceShift?.adapter?.explains).toBe("content");
    expect(interfaceShift?.adapter?.recovered).toBeGreaterThan(0.9);
  });

  test("within the declared smallest effect that stays is tolerated", async () => {
    const pipeline = { ...withBoth(twoComponents), verdict: { minimumEffect: 0.5 } };
    expect((await judge(4, { pipeline })).interfaceShift?.adapter?.explains).toBe("convention");
  });

  test("is asked of halves of the groups where rows are grouped", async () => {
    const codes = Int32Array.from({ length: 2000 }, (_, row) => Math.floor(row / 40));
    const structure = { groupings: [{ codes, count: 50 }], slices: [] };
    expect((await judge(2, { structure })).interfaceShift?.adapter?.explains).toBe("convention");
    const few = { groupings: [{ codes: codes.map((code) => Math.min(code, 38)), count: 39 }], slices: [] };
    expect((await judge(2, { structure: few })).interfaceShift?.adapterSkipped).toBe("too-few-rows");
  });
});

describe("there is no adapter test", () => {
  const skipped = async (...args: Parameters<typeof judge>) => {
    const { interfaceShift } = await judge(...args);
    expect(interfaceShift?.adapter).toBeUndefined();
    expect(interfaceShift?.shift).toBeGreaterThan(0);
    return interfaceShift?.adapterSkipped;
  };
  /** Of a harm to twoComponents, where u has another output. */
  async function skippedFor(output: Partial<OutputSpec>): Promise<string | undefined> {
    const components = twoComponents.components.map((one) =>
      one.name === "u" ? { ...one, output: { ...one.output, ...output } } : one,
    );
    const { comparison } = await judge(2);
    const values = new Float32Array(2000 * (output.width ?? 1));
    const { adapter, adapterSkipped } = await testAdapter(comparison ?? undefined, {
      pipeline: { ...twoComponents, components },
      component: "u",
      current: values,
      candidate: values,
      groupings: [],
      compare: async () => undefined,
    });
    expect(adapter).toBeUndefined();
    return adapterSkipped;
  }

  test("without harm", async () => expect(await skipped(5)).toBe("no-harm"));
  test("for few rows", async () => expect(await skipped(2, { rows: 38 })).toBe("too-few-rows"));
  test("for probabilities", async () => expect(await skippedFor({ meaning: "probabilities" })).toBe("probabilities"));
  test("for many coordinates", async () => {
    expect(await skippedFor({ width: 65 })).toBe("too-wide");
    expect(await skippedFor({ width: 64 })).toBe("not-finite");
  });
  test("without a comparison", async () => expect(await skipped(2, { current: { u: 1 } })).toBe("no-comparison"));
  test("where the objective reads nothing of it", async () => {
    const aside = component({ name: "s", columns: ["x"], target: "y" });
    const { components } = withBoth(twoComponents);
    expect(await skipped(2, { pipeline: pipelineOf([...components, aside], "s"), current: { u: 1, d: 1 } })).toBe(
      "not-upstream",
    );
  });
});

test("without consumers, or a snapshot before, there is no shift", async () => {
  const { components } = withBoth(twoComponents);
  const alone = pipelineOf([components[0] ?? component({ name: "u" })], "u");
  expect((await judge(2, { pipeline: alone, current: { u: 1 } })).interfaceShift).toBeUndefined();
  expect((await judge(2, { current: { d: 1 } })).interfaceShift).toBeUndefined();
});

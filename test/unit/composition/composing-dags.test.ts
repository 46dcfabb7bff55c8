import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { composeLosses } from "../../../services/composition/compose-losses.ts";
import { createComposer } from "../../../services/composition/composer.ts";
import type { Table } from "../../../services/data/table/table.ts";
import { modelOfBytes } from "../../../services/inference/hosted-model.ts";
import { closureOf } from "../../../services/pipeline/dag.ts";
import type { Component, Pipeline } from "../../../services/pipeline/pipeline.ts";
import { judgeSnapshot } from "../../../services/verdicts/judgement.ts";
import { createSharedWeights } from "../../../services/verdicts/paired/shared-weights.ts";
import { component, linearBytes, loadLinear, pipelineOf, tableOf } from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";

const rows = 50;
const heldOut = tableOf({
  x: Array.from({ length: rows }, (_, row) => row / 10),
  y: Array.from({ length: rows }, (_, row) => row / 5 + 0.1 * (row % 3)),
});

/** A component's snapshot weighs every input by a number of its own and its serial. */
const weightOf = (name: string, serial: number) => ((name.charCodeAt(1) + 3 * serial) % 5) / 4;

function composerOf(pipeline: Pipeline, table: Table = heldOut) {
  const passes: string[] = [];
  const composer = createComposer(
    { pipeline, heldOut: table, outputCacheBytes: 1e9 },
    {
      inference: localInference(loadLinear),
      async modelOf(described, serial) {
        const names = [...described.columns, ...described.upstream.map((name) => `${name}-out`)];
        const weight = weightOf(described.name, serial);
        const bytes = linearBytes({ weights: Object.fromEntries(names.map((name) => [name, weight])), bias: 1 });
        const output = { name: described.output.name, kind: "numeric", width: 1 } as const;
        const inputs = names.map((name) => ({ name, kind: "numeric", width: 1 }) as const);
        return modelOfBytes(`${described.name}@${serial}`, bytes, { inputs, output });
      },
      onPass: (name, serial) => passes.push(`${name}@${serial}`),
    },
  );
  return { composer, passes };
}

/** What a component gives, computed from its definition without any sharing. */
function direct(pipeline: Pipeline, name: string, serials: Readonly<Record<string, number>>, row: number): number {
  const { columns, upstream } = pipeline.components.find((other) => other.name === name) as Component;
  const x = columns.length > 0 ? row / 10 : 0;
  const inputs = upstream.reduce((sum, other) => sum + direct(pipeline, other, serials, row), x);
  return 1 + weightOf(name, serials[name] ?? 0) * inputs;
}

/** Components c0, c1, ... each reading some of those before it. */
const pipelines = fc
  .array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 6 })
  .map((reads) => {
    const components = reads.map((flags, index) =>
      component({
        name: `c${index}`,
        columns: ["x"],
        upstream: flags.flatMap((reading, other) => (reading && other < index ? [`c${other}`] : [])),
      }),
    );
    return pipelineOf(components, `c${components.length - 1}`);
  });

test("any composition of any DAG is what its definition says, and runs each different output once", async () => {
  const compositions = fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 6, maxLength: 6 }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(pipelines, compositions, async (pipeline, choices) => {
      const { composer, passes } = composerOf(pipeline);
      const different = new Set<string>();
      for (const choice of choices) {
        const serials = Object.fromEntries(pipeline.components.map(({ name }, index) => [name, choice[index] ?? 1]));
        const needed = closureOf(pipeline, pipeline.objective);
        for (const name of needed) {
          different.add([name, ...closureOf(pipeline, name).map((other) => `${other}@${serials[other]}`)].join(" "));
        }
        const values = await composer.output(pipeline.objective, serials);
        for (const row of [0, 17, rows - 1]) {
          const expected = direct(pipeline, pipeline.objective, serials, row);
          expect(Math.abs((values[row] as number) - expected)).toBeLessThanOrEqual(1e-4 * Math.max(1, expected));
        }
      }
      expect(passes).toHaveLength(different.size);
    }),
    { numRuns: 60 },
  );
});

test("text columns are cut into the same rows as numbers", async () => {
  const many = 5000;
  const table: Table = {
    rows: many,
    columns: {
      kind: {
        kind: "categorical",
        width: 1,
        codes: Int32Array.from({ length: many }, (_, row) => row % 3),
        dictionary: ["0", "10", "20"],
      },
    },
  };
  const pipeline = pipelineOf([component({ name: "c", columns: ["kind"] })], "c");
  const composer = createComposer(
    { pipeline, heldOut: table, outputCacheBytes: 1e9 },
    {
      inference: localInference(async () => ({
        async predict({ rows: count, columns }) {
          const { kind } = columns;
          if (kind?.kind !== "categorical") throw new Error("no text");
          return Float32Array.from({ length: count }, (_, row) => Number(kind.dictionary[kind.codes[row] as number]));
        },
        async dispose() {},
      })),
      modelOf: async () =>
        modelOfBytes("c@1", new Uint8Array(1), {
          inputs: [{ name: "kind", kind: "categorical", width: 1 }],
          output: { name: "c-out", kind: "numeric", width: 1 },
        }),
    },
  );
  const values = await composer.output("c", { c: 1 });
  expect(values).toEqual(Float32Array.from({ length: many }, (_, row) => 10 * (row % 3)));
});

describe("judging in larger pipelines", () => {
  const diamond = pipelineOf(
    [
      component({ name: "c0", columns: ["x"] }),
      component({ name: "c1", upstream: ["c0"] }),
      component({ name: "c2", upstream: ["c0"] }),
      component({ name: "c3", upstream: ["c1", "c2"] }),
      component({ name: "c4", upstream: ["c0"] }),
    ],
    "c3",
  );

  async function judge(name: string, serial: number, current: Record<string, number>) {
    const { composer } = composerOf(diamond);
    const target = { kind: "values", rows, values: (heldOut.columns.y as { values: Float32Array }).values } as const;
    return judgeSnapshot(
      { component: name, serial },
      {
        pipeline: diamond,
        losses: composeLosses(
          diamond,
          composer,
          new Map(diamond.components.map((described) => [described.name, target])),
        ),
        structure: { groupings: [], slices: [] },
        current,
        alternatives: () => [1, 2],
        proven: () => false,
        drawShared: createSharedWeights(),
        signal: new AbortController().signal,
      },
    );
  }
  const all = { c0: 1, c1: 1, c2: 1, c3: 1, c4: 1 };

  test("an update is also judged under the other snapshots of every component that reads it and matters", async () => {
    const { alternatives, comparison } = await judge("c0", 2, all);
    expect(comparison?.candidate).toEqual({ c0: 2, c1: 1, c2: 1, c3: 1 });
    expect(alternatives.map(({ current, candidate }) => [current, candidate])).toEqual([
      [
        { c0: 1, c1: 2, c2: 1, c3: 1 },
        { c0: 2, c1: 2, c2: 1, c3: 1 },
      ],
      [
        { c0: 1, c1: 1, c2: 2, c3: 1 },
        { c0: 2, c1: 1, c2: 2, c3: 1 },
      ],
    ]);
  });

  test("a component that the pipeline loss does not depend on makes no difference to it", async () => {
    const { kind, comparison, componentLoss } = await judge("c4", 2, all);
    expect(kind).toBe("inconclusive");
    expect(comparison).toMatchObject({ difference: 0, interval: [0, 0] });
    expect(componentLoss.current).not.toBe(componentLoss.candidate);
  });

  test("the own loss needs only what is upstream", async () => {
    const { c3: _, ...others } = all;
    const judgement = await judge("c1", 2, others);
    expect(judgement).toMatchObject({ kind: "inconclusive", reason: "incomplete-pipeline", comparison: null });
    expect(judgement.componentInterval).not.toBeNull();
    const { c0: __, ...rootless } = all;
    expect((await judge("c1", 2, rootless)).componentLoss).toEqual({ current: null, candidate: null });
  });
});

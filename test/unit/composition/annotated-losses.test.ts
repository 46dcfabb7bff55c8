import { expect, test } from "vitest";
import { createAnnotatedLosses, createAnnotatedRows } from "../../../services/composition/annotated-losses.ts";
import { createComposer } from "../../../services/composition/composer.ts";
import type { Table } from "../../../services/data/table/table.ts";
import { modelOfBytes } from "../../../services/inference/hosted-model.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { measureConsistency } from "../../../services/verdicts/consistency.ts";
import { component, linearBytes, loadLinear, pipelineOf, tableOf } from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";

const rows = 200;
const x = Array.from({ length: rows }, (_, row) => ((row * 37) % 101) / 50 - 1);

/** Each component predicts its weight times what it reads. */
function annotatedLosses(pipeline: Pipeline, table: Table, weights: Readonly<Record<string, number>>) {
  const missing: string[] = [];
  const composer = createComposer(
    { pipeline, heldOut: table, outputCacheBytes: 0 },
    {
      async modelOf({ name, columns, upstream, output }) {
        const inputs = [...columns, ...upstream.map((other) => `${other}-out`)];
        const width = (input: string) => (columns.includes(input) ? 1 : output.width);
        const each = Object.fromEntries(inputs.map((input) => [input, weights[name] as number]));
        return modelOfBytes(name, linearBytes({ weights: each }), {
          inputs: inputs.map((input) => ({ name: input, kind: "numeric", width: width(input) })),
          output: { name: output.name, kind: "numeric", width: output.width },
        });
      },
      inference: localInference(loadLinear),
    },
  );
  const annotated = createAnnotatedRows(pipeline, table, composer, (upstream, downstream, reason) =>
    missing.push(`${upstream} -> ${downstream}: ${reason}`),
  );
  return { losses: createAnnotatedLosses(annotated), missing };
}

const chain = pipelineOf(
  [
    component({ name: "a", columns: ["x"], target: "za" }),
    component({ name: "b", upstream: ["a"], target: "zb" }),
    component({ name: "c", upstream: ["b"], target: "y" }),
  ],
  "c",
);

test("each edge of a chain reads its annotation, with everything else as it is composed", async () => {
  // Truth: za = 2 x, zb = 3 za, y = zb. The snapshots: a = x, b = 4 a, c = b.
  const table = tableOf({
    x,
    za: x.map((value) => 2 * value),
    zb: x.map((value) => 6 * value),
    y: x.map((value) => 6 * value),
  });
  const { losses, missing } = annotatedLosses(chain, table, { a: 1, b: 4, c: 1 });
  expect(losses.edges.map(({ upstream, downstream }) => [upstream, downstream])).toEqual([
    ["a", "b"],
    ["b", "c"],
  ]);
  expect(missing).toEqual([]);
  const { composed, annotated } = await losses.rowLosses({ a: 1, b: 1, c: 1 });
  const square = x.map((value) => value ** 2);
  const mean = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0) / rows;
  // As composed 4 x instead of 6 x; with za, 8 x; with zb, 6 x.
  expect(mean(composed)).toBeCloseTo(4 * mean(square), 4);
  expect(mean(annotated[0] as Float64Array)).toBeCloseTo(4 * mean(square), 4);
  expect(mean(annotated[1] as Float64Array)).toBeCloseTo(0, 8);
  const gaps = await measureConsistency({ a: 1, b: 1, c: 1 }, { pipeline: chain, losses, groupings: [] });
  expect(gaps?.[1]).toMatchObject({ upstream: "b", downstream: "c", kind: "improved", relative: -1 });
  expect(await measureConsistency({ a: 1, b: 1 }, { pipeline: chain, losses, groupings: [] })).toBeUndefined();
});

test("a limit of losses limits those of gaps", async () => {
  const y = x.map((value, row) => 6 * value + (row === 0 ? 1000 : 0));
  const table = tableOf({ x, za: x.map((value) => 2 * value), zb: x.map((value) => 6 * value), y });
  const { losses } = annotatedLosses(chain, table, { a: 1, b: 4, c: 1 });
  const pipeline: Pipeline = { ...chain, verdict: { minimumEffect: 0, lossLimit: { bound: 10 } } };
  const gaps = await measureConsistency({ a: 1, b: 1, c: 1 }, { pipeline, losses, groupings: [] });
  expect(gaps?.[1]?.currentLoss).toBeLessThan(10);
  const unlimited = await measureConsistency({ a: 1, b: 1, c: 1 }, { pipeline: chain, losses, groupings: [] });
  expect(unlimited?.[1]).toMatchObject({ kind: "inconclusive", reason: "too-few-rows" });
});

test("annotated labels of probabilities are marked, and a component that chooses actions has no right output", () => {
  const output = { name: "p", width: 2, meaning: "probabilities", classes: ["no", "yes"] } as const;
  const classifier = component({ name: "a", columns: ["x"], target: "label", loss: "cross-entropy", output });
  const end = component({ name: "c", upstream: ["a"], target: "y" });
  const labels = { kind: "categorical", codes: new Int32Array(rows), dictionary: ["yes"], width: 1 } as const;
  const columns = { ...tableOf({ x, y: x }).columns, label: labels };
  const pipeline = pipelineOf([classifier, end], "c");
  const { losses } = annotatedLosses(pipeline, { rows, columns }, {});
  expect(losses.edges).toEqual([{ upstream: "a", downstream: "c", isLabel: true }]);

  const policy = pipelineOf([{ ...classifier, loss: "policy" }, end], "c");
  const { losses: none, missing } = annotatedLosses(policy, { rows, columns }, {});
  expect(none.edges).toEqual([]);
  expect(missing).toEqual(["a -> c: a chooses actions, and its target does not say which action was right"]);
});

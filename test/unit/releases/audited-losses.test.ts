import { expect, test } from "vitest";
import { createAnnotatedRows } from "../../../services/composition/annotated-losses.ts";
import { createComposer } from "../../../services/composition/composer.ts";
import { modelOfBytes } from "../../../services/inference/hosted-model.ts";
import { createAuditedLosses } from "../../../services/releases/audited-losses.ts";
import { SnapshotFault } from "../../../services/verdicts/snapshot-fault.ts";
import {
  component,
  type LinearModel,
  linearBytes,
  loadLinear,
  pipelineOf,
  tableOf,
} from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";

const rows = 100;
const x = Array.from({ length: rows }, (_, row) => ((row * 37) % 101) / 50 - 1);
const chain = pipelineOf(
  [
    component({ name: "a", columns: ["x"], target: "za" }),
    component({ name: "b", upstream: ["a"], target: "zb" }),
    component({ name: "c", upstream: ["b", "a"], target: "y" }),
  ],
  "c",
);
/** Truth: za = 2 x, zb = 6 x, y = 8 x. */
const table = tableOf({
  x,
  za: x.map((value) => 2 * value),
  zb: x.map((value) => 6 * value),
  y: x.map((value) => 8 * value),
});
const composition = { a: 1, b: 1, c: 1 };
const structure = { groupings: [], slices: [] };

/** The coefficient of x in the composed prediction, from the row losses; each model is a sum with these weights. */
function auditedOf(models: Readonly<Record<string, LinearModel>>) {
  const composer = createComposer(
    { pipeline: chain, heldOut: table, outputCacheBytes: 0 },
    {
      async modelOf({ name, columns, upstream, output }) {
        const inputs = [...columns, ...upstream.map((other) => `${other}-out`)];
        return modelOfBytes(name, linearBytes(models[name] as LinearModel), {
          inputs: inputs.map((input) => ({ name: input, kind: "numeric", width: 1 })),
          output: { name: output.name, kind: "numeric", width: 1 },
        });
      },
      inference: localInference(loadLinear),
    },
  );
  return createAuditedLosses(
    createAnnotatedRows(chain, table, composer, () => {}),
    () => structure,
  );
}

/** How far the prediction is from y = 8 x, as a multiple of x. */
function errorOf(losses: Float64Array | undefined): number {
  return Math.sqrt((losses?.[1] as number) / (x[1] as number) ** 2);
}

test("what moves reads annotations, all at once, and everything else reads predictions", async () => {
  // a = x, b = 4 a, c = b + a: 5 x as composed.
  const audited = auditedOf({
    a: { weights: { x: 1 } },
    b: { weights: { "a-out": 4 } },
    c: { weights: { "b-out": 1, "a-out": 1 } },
  });
  expect(audited).toMatchObject({ rows, structure });
  expect(errorOf(await audited.rowLosses(composition, []))).toBeCloseTo(3, 4);
  // a reads nothing annotated.
  expect(errorOf(await audited.rowLosses(composition, ["a"]))).toBeCloseTo(3, 4);
  // b of the right za is 8 x, and c adds x, which a predicts.
  expect(errorOf(await audited.rowLosses(composition, ["b"]))).toBeCloseTo(1, 4);
  // c of the right zb and za, with or without b.
  expect(errorOf(await audited.rowLosses(composition, ["c"]))).toBeCloseTo(0, 4);
  expect(errorOf(await audited.rowLosses(composition, ["b", "c"]))).toBeCloseTo(0, 4);
});

test("a snapshot that fails on annotations is not to blame, one that fails as it is composed is", async () => {
  const audited = auditedOf({
    a: { weights: { x: 1 } },
    b: { weights: { "a-out": 4 } },
    c: { weights: {}, emits: "nan" },
  });
  expect(await audited.rowLosses(composition, ["c"])).toBeUndefined();
  await expect(audited.rowLosses(composition, ["a"])).rejects.toThrow(SnapshotFault);
});

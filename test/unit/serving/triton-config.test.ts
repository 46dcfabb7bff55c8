import { describe, expect, test } from "vitest";
import type { SnapshotManifest } from "../../../services/pipeline/manifest.ts";
import { ensembleConfig, modelConfig } from "../../../services/serving/triton-config.ts";
import { manifest } from "../../helpers/drafts.ts";
import { colorContracts, colorShape } from "../../helpers/served-models.ts";

const manifests = new Map(
  Object.entries(colorContracts).map(([component, contract]) => [component, manifest(1, { component, contract })]),
);

test("a model has its raw inputs and its output, for any number of rows", () => {
  expect(modelConfig(manifests.get("price") as SnapshotManifest)).toBe(`name: "price"
platform: "onnxruntime_onnx"
max_batch_size: 0
input [ { name: "color" data_type: TYPE_STRING dims: [ -1, 1 ] } ]
input [ { name: "p" data_type: TYPE_FP32 dims: [ -1, 3 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ -1, 1 ] } ]
`);
});

describe("the ensemble", () => {
  test("feeds each data column once, and the outputs along the edges", () => {
    expect(ensembleConfig(colorShape, manifests)).toBe(`name: "colors_pipeline"
platform: "ensemble"
max_batch_size: 0
input [ { name: "color" data_type: TYPE_STRING dims: [ -1, 1 ] } ]
input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] } ]
output [ { name: "class/p" data_type: TYPE_FP32 dims: [ -1, 3 ] } ]
output [ { name: "price/y" data_type: TYPE_FP32 dims: [ -1, 1 ] } ]
output [ { name: "rank/score" data_type: TYPE_FP32 dims: [ -1, 2 ] } ]
ensemble_scheduling {
  step [
    {
      model_name: "class"
      model_version: -1
      input_map { key: "color" value: "color" }
      input_map { key: "x" value: "x" }
      output_map { key: "p" value: "class/p" }
    },
    {
      model_name: "price"
      model_version: -1
      input_map { key: "color" value: "color" }
      input_map { key: "p" value: "class/p" }
      output_map { key: "y" value: "price/y" }
    },
    {
      model_name: "rank"
      model_version: -1
      input_map { key: "x" value: "x" }
      input_map { key: "p" value: "class/p" }
      input_map { key: "y" value: "price/y" }
      output_map { key: "score" value: "rank/score" }
    }
  ]
}
`);
  });

  test("leaves out what reads a component without a model", () => {
    const config = ensembleConfig(colorShape, new Map([...manifests].filter(([name]) => name !== "price")));
    expect([...config.matchAll(/model_name: "(\w+)"/g)].map(([, name]) => name)).toEqual(["class"]);
    expect(() => ensembleConfig(colorShape, new Map())).toThrow("no component has a model");
  });

  test("is refused for a column of two types", () => {
    const inputs = [{ name: "x", kind: "numeric", width: 5 } as const];
    const apart = new Map([...manifests, ["rank", manifest(1, { component: "rank", contract: { inputs } })]]);
    expect(() => ensembleConfig(colorShape, apart)).toThrow("column x is read with different types");
  });
});

test("names with quotes, line breaks and other scripts are escaped", () => {
  const inputs = [{ name: 'größe "x"\n\\', kind: "numeric", width: 1 } as const];
  expect(modelConfig(manifest(1, { contract: { inputs } }))).toContain(
    String.raw`name: "gr\303\266\303\237e \042x\042\012\134" data_type`,
  );
});

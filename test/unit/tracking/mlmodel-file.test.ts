import { expect, test } from "vitest";
import { formatMlmodel } from "../../../services/tracking/mlmodel-file.ts";
import { manifest } from "../../helpers/drafts.ts";

test("an MLmodel file has the signature of the model, with texts as strings", () => {
  const inputs = [
    { name: "price", kind: "numeric" as const, width: 2 },
    { name: "device", kind: "categorical" as const, width: 1 },
  ];
  const made = { ...manifest(1, { contract: { inputs } }), digest: "ab".repeat(32), size: 123 };
  const file = JSON.parse(formatMlmodel("run1", made));
  expect(file).toMatchObject({
    artifact_path: "model",
    run_id: "run1",
    model_uuid: "ab".repeat(16),
    model_size_bytes: 123,
    utc_time_created: "2026-01-01 00:01:01.000",
  });
  expect(JSON.parse(file.signature.inputs)).toEqual([
    { name: "price", type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 2] } },
    { name: "device", type: "tensor", "tensor-spec": { dtype: "str", shape: [-1, 1] } },
  ]);
  expect(JSON.parse(file.signature.outputs)).toEqual([
    { name: "y1", type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 1] } },
  ]);
});

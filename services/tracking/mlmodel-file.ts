import type { ModelContract, SnapshotManifest, TensorSpec } from "../pipeline/manifest.ts";

/** The folder of a run's artifacts that has the model, and its files. */
export const MODEL_FOLDER = "model";
export const MODEL_FILE = "model.onnx";

/**
 * The file `MLmodel` of a snapshot, as JSON, which is YAML: MLflow's flavors `onnx` and `python_function`
 * (https://mlflow.org/docs/latest/ml/model), so that `mlflow.onnx.load_model` and the UI know what the folder is.
 * @param run id of the run at the MLflow server
 */
export function formatMlmodel(run: string, manifest: SnapshotManifest): string {
  const { contract, digest, size, publishedAt } = manifest;
  return `${JSON.stringify(
    {
      artifact_path: MODEL_FOLDER,
      flavors: {
        onnx: { code: null, data: MODEL_FILE, providers: ["CPUExecutionProvider"] },
        python_function: { data: MODEL_FILE, loader_module: "mlflow.onnx" },
      },
      // Any 32 hexadecimal digits: those of the bytes.
      model_uuid: digest.slice(0, 32),
      model_size_bytes: size,
      run_id: run,
      signature: signatureOf(contract),
      utc_time_created: publishedAt.replace("T", " ").replace(/Z$/, ""),
    },
    null,
    2,
  )}\n`;
}

function signatureOf({ inputs, output }: ModelContract): Readonly<Record<string, string>> {
  return { inputs: JSON.stringify(inputs.map(tensorOf)), outputs: JSON.stringify([tensorOf(output)]) };
}

function tensorOf({ name, kind, width }: TensorSpec): unknown {
  const dtype = kind === "categorical" ? "str" : "float32";
  return { name, type: "tensor", "tensor-spec": { dtype, shape: [-1, width] } };
}

import type { SnapshotManifest, TensorSpec } from "../pipeline/manifest.ts";
import { composedOutput, NotComposable } from "./compose-graph.ts";
import type { PipelineShape } from "./pipeline-shape.ts";

/** The ensemble's name. No component has it: names have no underscore. */
export function ensembleName(pipeline: string): string {
  return `${pipeline}_pipeline`;
}

/** `config.pbtxt` of one component's model in a Triton model repository. */
export function modelConfig({ component, contract }: SnapshotManifest): string {
  return [
    `name: ${quoted(component)}`,
    'platform: "onnxruntime_onnx"',
    // The first dimension is the rows: Triton does not batch requests by itself.
    "max_batch_size: 0",
    ...contract.inputs.map((input) => tensorText("input", input, input.name)),
    tensorText("output", contract.output, contract.output.name),
    "",
  ].join("\n");
}

/**
 * `config.pbtxt` of the ensemble that runs the whole pipeline. Its inputs are the data columns, each once; its outputs are
 * those of all components, named by `composedOutput`.
 * @param manifests by component; components without one, and those that read them, are left out
 * @throws NotComposable if two components read a column with different types, or no component is left
 */
export function ensembleConfig(pipeline: PipelineShape, manifests: ReadonlyMap<string, SnapshotManifest>): string {
  const columns = new Map<string, TensorSpec>();
  const outputs: string[] = [];
  const steps: string[] = [];
  const placed = new Map<string, string>();
  for (const { name, upstream, output } of pipeline.components) {
    const manifest = manifests.get(name);
    if (manifest === undefined || !upstream.every((one) => placed.has(one))) continue;
    const read = new Map(upstream.map((one) => [placed.get(one) as string, one]));
    const inputs = manifest.contract.inputs.map((input) => {
      const from = read.get(input.name);
      if (from !== undefined) return mapText("input_map", input.name, composedOutput(from, input.name));
      const known = columns.get(input.name);
      if (known !== undefined && (known.kind !== input.kind || known.width !== input.width)) {
        throw new NotComposable(`column ${input.name} is read with different types`);
      }
      columns.set(input.name, input);
      return mapText("input_map", input.name, input.name);
    });
    placed.set(name, output);
    outputs.push(tensorText("output", manifest.contract.output, composedOutput(name, output)));
    steps.push(
      [
        "    {",
        `      model_name: ${quoted(name)}`,
        // The newest, and only one.
        "      model_version: -1",
        ...inputs,
        mapText("output_map", output, composedOutput(name, output)),
        "    }",
      ].join("\n"),
    );
  }
  if (steps.length === 0) throw new NotComposable("no component has a model and those of all that it reads");
  return [
    `name: ${quoted(ensembleName(pipeline.name))}`,
    'platform: "ensemble"',
    "max_batch_size: 0",
    ...[...columns.values()].map((column) => tensorText("input", column, column.name)),
    ...outputs,
    "ensemble_scheduling {",
    "  step [",
    steps.join(",\n"),
    "  ]",
    "}",
    "",
  ].join("\n");
}

function tensorText(field: "input" | "output", { kind, width }: TensorSpec, name: string): string {
  const type = kind === "numeric" ? "TYPE_FP32" : "TYPE_STRING";
  return `${field} [ { name: ${quoted(name)} data_type: ${type} dims: [ -1, ${width} ] } ]`;
}

function mapText(field: "input_map" | "output_map", key: string, value: string): string {
  return `      ${field} { key: ${quoted(key)} value: ${quoted(value)} }`;
}

/** A string in the text format of protobuf, which escapes bytes in octal (https://protobuf.dev/reference/protobuf/textformat-spec). */
function quoted(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
      ? `\\${byte.toString(8).padStart(3, "0")}`
      : String.fromCharCode(byte),
  );
  return `"${bytes.join("")}"`;
}

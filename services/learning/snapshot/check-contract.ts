import type { InferenceSession } from "onnxruntime-node";
import { UncoupleError } from "../../common/errors.ts";
import type { Column, Table } from "../../data/table/table.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import { plainName } from "./faults/plain-name.ts";
import { type SnapshotContract, SnapshotContractError } from "./snapshot-model.ts";

/** The inputs and outputs that a model declares, as ONNX Runtime describes them. */
export interface ModelSignature {
  readonly inputs: readonly InferenceSession.ValueMetadata[];
  readonly outputs: readonly InferenceSession.ValueMetadata[];
}

/**
 * Checks that a model has the inputs and the output that its pipeline file requires.
 *
 * @throws SnapshotContractError
 */
export function checkContract(model: ModelSignature, contract: SnapshotContract): void {
  const expected = new Map(contract.inputs.map((spec) => [spec.name, spec]));
  for (const { name } of model.inputs) {
    if (!expected.has(name)) {
      const names = [...expected.keys()].join(", ");
      throw new SnapshotContractError(
        "input",
        `the model has an input ${plainName(name)} that the component does not; expected ${names}`,
      );
    }
  }
  for (const spec of contract.inputs) {
    checkValue("input", spec, model.inputs);
  }
  checkValue("output", contract.output, model.outputs);
}

function checkValue(
  what: "input" | "output",
  spec: TensorSpec,
  values: readonly InferenceSession.ValueMetadata[],
): void {
  const found = values.find(({ name }) => name === spec.name);
  if (found === undefined) {
    const names = values.map(({ name }) => plainName(name));
    throw new SnapshotContractError(
      what,
      `the model has no ${what} ${spec.name}; found: ${names.length === 0 ? "none" : names.join(", ")}`,
    );
  }
  const type = spec.kind === "numeric" ? "float32" : "string";
  const required = `${type} [rows, ${spec.width}]`;
  if (!found.isTensor) {
    throw new SnapshotContractError(
      what,
      `the model's ${what} ${spec.name} is not a tensor; the pipeline requires ${required}`,
    );
  }
  // A dimension without a fixed size is a name, or empty if the model does not name it.
  const [rows, width] = found.shape;
  const fits =
    found.shape.length === 2 && typeof rows !== "number" && (typeof width !== "number" || width === spec.width);
  // If a model declares no shape, its predictions are checked instead.
  const undeclared = found.shape.length === 0;
  if (found.type !== type || !(fits || undeclared)) {
    throw new SnapshotContractError(
      what,
      `the model's ${what} ${spec.name} is ${found.type} [${shapeOf(found.shape)}]; the pipeline requires ${required}`,
    );
  }
}

function shapeOf(shape: readonly (number | string)[]): string {
  return shape.map((size) => (typeof size === "string" && size !== "" ? plainName(size) : size)).join(", ");
}

/** The column that a model reads. @throws UncoupleError `invalid-argument` if it is missing or misshapen */
export function checkedColumn(table: Table, spec: TensorSpec): Column {
  const column = table.columns[spec.name];
  if (column === undefined) throw new UncoupleError("invalid-argument", `the input ${spec.name} is missing`);
  if (column.kind !== spec.kind) {
    throw new UncoupleError(
      "invalid-argument",
      `the input ${spec.name} is ${column.kind}; the model requires ${spec.kind}`,
    );
  }
  const length = column.kind === "numeric" ? column.values.length : column.codes.length;
  if (column.width !== spec.width || length !== table.rows * spec.width) {
    throw new UncoupleError(
      "invalid-argument",
      `the input ${spec.name} has ${length} values of width ${column.width}; ` +
        `the model requires [${table.rows}, ${spec.width}]`,
    );
  }
  return column;
}

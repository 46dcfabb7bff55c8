import type { Table } from "../../data/table/table.ts";
import { plainName } from "../../learning/snapshot/faults/plain-name.ts";
import type { DeclaredValue, InspectedModel } from "../../learning/snapshot/inspection/inspect-model.ts";
import { type SnapshotContract, SnapshotContractError } from "../../learning/snapshot/snapshot-model.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { OutputSpec } from "../../pipeline/pipeline.ts";
import { madeUpColumn } from "./made-up-rows.ts";

/** What a model is tried with: its contract, what its output has to be, and rows. */
export interface TrialSubject {
  readonly contract: SnapshotContract;
  readonly output: OutputSpec;
  readonly table: Table;
}

/** Rows of a trial. */
export const TRIAL_ROWS = 1000;

/**
 * What a model can be tried with when no pipeline file says what it is for: made-up rows of the inputs that it declares, once
 * for each output that a component could have.
 *
 * @throws SnapshotContractError for a model that no component can have
 */
export function declaredSubjects({ inputs, outputs }: InspectedModel): TrialSubject[] {
  const specs = inputs.map(inputSpec);
  const columns = Object.fromEntries(specs.map((spec) => [spec.name, madeUpColumn(spec, TRIAL_ROWS)]));
  const usable = outputs.flatMap(({ name, type, shape }) => {
    const width = shape?.[1];
    return type === "float32" && shape?.length === 2 && typeof width === "number" ? [{ name, width }] : [];
  });
  if (usable.length === 0) {
    const found = outputs.map(described).join("; ");
    throw new SnapshotContractError(
      "output",
      `the model has no output float32 [rows, width] with a declared width, which every component has; found: ${found || "none"}`,
    );
  }
  return usable.map(({ name, width }) => ({
    contract: { inputs: specs, output: { name, kind: "numeric", width } },
    output: { name, width, meaning: "real" },
    table: { rows: TRIAL_ROWS, columns },
  }));
}

function inputSpec(value: DeclaredValue): TensorSpec {
  const { name, type, shape } = value;
  const [rows, width] = shape ?? [];
  if (shape?.length === 2 && typeof rows === "string" && typeof width === "number") {
    if (type === "float32") return { name, kind: "numeric", width };
    if (type === "string" && width === 1) return { name, kind: "categorical", width };
  }
  throw new SnapshotContractError(
    "input",
    `the model has the input ${described(value)}; components have inputs float32 [rows, width] and string [rows, 1]`,
  );
}

function described({ name, type, shape }: DeclaredValue): string {
  if (shape === undefined) return `${plainName(name)}: ${type}`;
  const sizes = shape.map((size) => (typeof size === "number" ? size : size === "" ? "?" : plainName(size)));
  return `${plainName(name)}: ${type} [${sizes.join(", ")}]`;
}

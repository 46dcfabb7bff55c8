import { UncoupleError } from "../../common/errors.ts";
import { type Encoding, encode, fitEncoding } from "../../data/table/encoding.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { type LoggedRewards, loggedRewards, targetColumn } from "../../data/targets/target-column.ts";
import type { Component } from "../../pipeline/pipeline.ts";

/** A row-major matrix. */
export interface Matrix {
  readonly width: number;
  /** [rows * width]. */
  readonly values: Float32Array;
}

/**
 * How a component's raw inputs and target map to training space. Fitted on training rows only, and stored in the
 * snapshot's graph.
 */
export interface ComponentEncoding {
  /** The component's data columns, in the order of the pipeline file. */
  readonly columns: Encoding;
  /** The outputs of its upstream components, in the order of the pipeline file. */
  readonly imputed: Encoding;
  readonly target: TargetEncoding;
}

/**
 * `standardized`: (y - mean) / std per coordinate. `classes`: one-hot over a vocabulary, or over 0 ... width - 1 if the
 * column is numeric. `rewards`: the raw reward of every action.
 */
export type TargetEncoding =
  | { readonly kind: "standardized"; readonly encoding: Encoding }
  | { readonly kind: "classes"; readonly encoding: Encoding | undefined }
  | { readonly kind: "rewards" };

/** A component's training rows, encoded. Row r of every matrix is row r of the training table. */
export interface EncodedDataset {
  readonly component: Component;
  readonly rows: number;
  readonly encoding: ComponentEncoding;
  /** Absent if the component reads no data columns. */
  readonly own?: Matrix;
  /** Absent if the component reads no upstream output. */
  readonly imputed?: Matrix;
  readonly target: Matrix;
  /** Present if the data contains the reward of one logged action per row. */
  readonly logged?: LoggedRewards;
}

/**
 * Fits the encoding of a component and encodes its training rows.
 *
 * @param table the component's visible training rows
 * @param imputed predictions of the upstream snapshots on these rows, by output name
 * @throws UncoupleError `failed-precondition` if the target does not fit the component's output
 */
export function encodeDataset(
  component: Component,
  table: Table,
  imputed: Readonly<Record<string, NumericColumn>>,
): EncodedDataset {
  const { rows } = table;
  const upstream: Table = { rows, columns: imputed };
  const encoding: ComponentEncoding = {
    columns: fitEncoding(table, component.columns),
    imputed: fitEncoding(upstream, Object.keys(imputed)),
    target: fitTarget(component, table),
  };
  const dataset = {
    component,
    rows,
    encoding,
    target: { width: component.output.width, values: encodeTarget(component, encoding.target, table) },
  };
  return {
    ...dataset,
    ...(component.logged !== undefined && { logged: loggedRewards(component, component.logged, table) }),
    ...(component.columns.length > 0 && { own: matrix(encoding.columns, table) }),
    ...(component.upstream.length > 0 && { imputed: matrix(encoding.imputed, upstream) }),
  };
}

function matrix(encoding: Encoding, table: Table): Matrix {
  return { width: encoding.width, values: encode(encoding, table) };
}

function fitTarget(component: Component, table: Table): TargetEncoding {
  const column = targetColumn(component, table);
  const { width } = component.output;
  const reject = (what: string) =>
    new UncoupleError("failed-precondition", `${component.name}: target column ${component.target} ${what}`);
  if (component.loss === "cross-entropy") {
    if (column.kind === "categorical") {
      const { classes: vocabulary = [] } = component.output;
      if (vocabulary.length !== width)
        throw reject(`is text, but output.classes names ${vocabulary.length} of ${width} classes`);
      // In the order of the pipeline file, so that coordinates mean the same in all snapshots and in the evaluator.
      const texts = [...new Set(column.codes)].map((code) => column.dictionary[code] as string);
      const unknown = texts.find((text) => !vocabulary.includes(text));
      if (unknown !== undefined) throw reject(`contains "${unknown}", which is not in output.classes`);
      const columns = [{ kind: "categorical", name: component.target, vocabulary }] as const;
      return { kind: "classes", encoding: { columns, width } };
    }
    if (column.width !== 1) throw reject(`is ${column.width} wide; class numbers must be 1 wide`);
    const wrong = column.values.find((value) => !Number.isInteger(value) || value < 0 || value >= width);
    if (wrong !== undefined) throw reject(`contains ${wrong}; classes must be integers from 0 to ${width - 1}`);
    return { kind: "classes", encoding: undefined };
  }
  if (column.kind === "categorical") throw reject(`is text; the ${component.loss} loss requires numbers`);
  if (column.width !== width) throw reject(`is ${column.width} wide, but the output is ${width} wide`);
  return component.loss === "policy"
    ? { kind: "rewards" }
    : { kind: "standardized", encoding: fitEncoding(table, [component.target]) };
}

/** Encodes the target of the given rows into training space, [rows * output width]. */
export function encodeTarget(component: Component, target: TargetEncoding, table: Table): Float32Array {
  const column = targetColumn(component, table);
  switch (target.kind) {
    case "standardized":
      return encode(target.encoding, table);
    case "classes": {
      if (target.encoding !== undefined) return encode(target.encoding, table);
      const { width } = component.output;
      const oneHot = new Float32Array(table.rows * width);
      for (let row = 0; row < table.rows; row++) {
        oneHot[row * width + ((column as NumericColumn).values[row] as number)] = 1;
      }
      return oneHot;
    }
    case "rewards":
      return (column as NumericColumn).values;
  }
}

/** Means and standard deviations of a one-column numeric encoding. */
export function numericPart(encoding: Encoding): { readonly mean: readonly number[]; readonly std: readonly number[] } {
  const [column] = encoding.columns;
  if (column?.kind !== "numeric") throw new UncoupleError("internal", "a standardized target must be numeric");
  return column;
}

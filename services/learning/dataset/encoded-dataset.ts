import { UncoupleError } from "../../common/errors.ts";
import { type Encoding, encode, fitEncoding } from "../../data/table/encoding.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import { type LoggedRewards, loggedRewards, targetColumn } from "../../data/targets/target-column.ts";
import type { Component } from "../../pipeline/pipeline.ts";

/** A matrix, row-major. */
export interface Matrix {
  readonly width: number;
  /** [rows * width]. */
  readonly values: Float32Array;
}

/**
 * How a component's raw inputs and target map to the space in which its network is trained. Fitted on training rows
 * only, and written into the snapshot's graph.
 */
export interface ComponentEncoding {
  /** The component's data columns, in the order of the pipeline file. */
  readonly columns: Encoding;
  /** The outputs of its upstream components, in the order of the pipeline file. */
  readonly imputed: Encoding;
  readonly target: TargetEncoding;
}

/**
 * `standardized`: (y - mean) / std by coordinate. `classes`: one-hot over a vocabulary, or over 0 ... width - 1 where the
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
  /** Absent for a component that reads no data columns. */
  readonly own?: Matrix;
  /** Absent for a component that reads no upstream output. */
  readonly imputed?: Matrix;
  readonly target: Matrix;
  /** Where the data says what one action a row brought. */
  readonly logged?: LoggedRewards;
}

/**
 * @param table the component's visible training rows
 * @param imputed predictions of the upstream snapshots on these rows, by output name
 * @throws UncoupleError `failed-precondition` when the target does not fit the component's output
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
  const refuse = (what: string) =>
    new UncoupleError("failed-precondition", `${component.name}: target column ${component.target} ${what}`);
  if (component.loss === "cross-entropy") {
    if (column.kind === "categorical") {
      const { classes: vocabulary = [] } = component.output;
      if (vocabulary.length !== width)
        throw refuse(`is text, and output.classes names ${vocabulary.length} of ${width}`);
      // In the order of the pipeline file, so that all snapshots, and who judges them, mean the same coordinates.
      const texts = [...new Set(column.codes)].map((code) => column.dictionary[code] as string);
      const unknown = texts.find((text) => !vocabulary.includes(text));
      if (unknown !== undefined) throw refuse(`holds "${unknown}", which is not among output.classes`);
      const columns = [{ kind: "categorical", name: component.target, vocabulary }] as const;
      return { kind: "classes", encoding: { columns, width } };
    }
    if (column.width !== 1) throw refuse(`is ${column.width} wide; class numbers are 1 wide`);
    const wrong = column.values.find((value) => !Number.isInteger(value) || value < 0 || value >= width);
    if (wrong !== undefined) throw refuse(`holds ${wrong}; classes are the integers 0 to ${width - 1}`);
    return { kind: "classes", encoding: undefined };
  }
  if (column.kind === "categorical") throw refuse(`is text; the ${component.loss} loss needs numbers`);
  if (column.width !== width) throw refuse(`is ${column.width} wide, the output is ${width} wide`);
  return component.loss === "policy"
    ? { kind: "rewards" }
    : { kind: "standardized", encoding: fitEncoding(table, [component.target]) };
}

/** The target of the given rows in training space, [rows * output width]. */
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

import type { NumericColumn, Table } from "../../data/table/table.ts";
import type { Component } from "../../pipeline/pipeline.ts";

/**
 * Derives the correct output of a component on audited rows, in its output space: the target's values, or the one-hot
 * row of the annotated class.
 *
 * @returns [rows * output width], or one sentence saying why the audited rows do not determine it
 */
export function annotatedOutput(component: Component, audit: Table): NumericColumn | { readonly missing: string } {
  const { target, output, loss, name } = component;
  const { width } = output;
  const column = audit.columns[target];
  if (column === undefined) return { missing: `the audit sample does not annotate ${target}, the target of ${name}` };
  if (loss === "policy") {
    return { missing: `${name} chooses actions, and its target does not say which action was right` };
  }
  if (loss === "mse") {
    if (column.kind === "numeric" && column.width === width) return column;
    return { missing: `the annotated ${target} must have ${width} numbers per row, like the output of ${name}` };
  }
  if (column.kind === "numeric" && column.width === width && width > 1) return column;
  const classOf = (row: number): number => {
    if (column.kind === "numeric") return column.values[row] as number;
    const text = column.dictionary[column.codes[row] as number] as string;
    return output.classes === undefined ? -1 : output.classes.indexOf(text);
  };
  const values = new Float32Array(audit.rows * width);
  for (let row = 0; row < audit.rows; row++) {
    const index = classOf(row);
    if (!Number.isInteger(index) || index < 0 || index >= width) {
      return { missing: `the annotated ${target} of audited row ${row + 1} is not one of the classes of ${name}` };
    }
    values[row * width + index] = 1;
  }
  return { kind: "numeric", width, values };
}

/**
 * Whether an annotation of a component's output has labels where the component predicts probabilities: a class per row,
 * as a one-hot row, instead of the probability of every class.
 */
export function hasLabels({ output }: Component, { width, values }: NumericColumn): boolean {
  if (output.meaning !== "probabilities") return false;
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    if (row.some((value) => value !== 0 && value !== 1) || row.reduce((sum, value) => sum + value) !== 1) return false;
  }
  return true;
}

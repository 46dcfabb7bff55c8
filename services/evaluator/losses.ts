import type { Column } from "../data/table.ts";
import { UncoupleError } from "../pipeline/errors.ts";
import type { Component } from "../pipeline/pipeline.ts";

/** Probabilities below this are taken as this, so that one impossible class does not make the mean infinite. */
const SMALLEST_PROBABILITY = 1e-12;

/** What a component's predictions are compared with, row by row. */
export type Target =
  /** [rows * width]: the values themselves, or for cross-entropy a probability of every class. */
  | { readonly kind: "values"; readonly rows: number; readonly values: Float32Array }
  /** [rows]: the index of the true class; -1 for a class that no training row has. */
  | { readonly kind: "classes"; readonly rows: number; readonly classes: Int32Array };

/**
 * Reads a component's target column once, so that a column that does not fit its loss is found at the start.
 *
 * @param vocabulary for a categorical column: the classes in the order of the component's probabilities
 * @throws UncoupleError `invalid-argument` naming the component and the column
 */
export function targetOf(component: Component, column: Column, vocabulary: readonly string[] | undefined): Target {
  const width = component.output.width;
  const refuse = (problem: string) =>
    new UncoupleError(
      "invalid-argument",
      `component ${component.name}: target column ${component.target}: ${problem}; mend loss, output or target in the pipeline file`,
    );

  if (column.kind === "categorical") {
    if (component.loss !== "cross-entropy") throw refuse(`is categorical, which the loss ${component.loss} cannot use`);
    const classes = vocabulary ?? [];
    if (classes.length !== width) {
      throw refuse(`has ${classes.length} classes in the training rows, but the output has width ${width}`);
    }
    const index = new Map(classes.map((name, position) => [name, position]));
    const byCode = column.dictionary.map((name) => index.get(name) ?? -1);
    return { kind: "classes", rows: column.codes.length, classes: column.codes.map((code) => byCode[code] ?? -1) };
  }

  const rows = column.values.length / column.width;
  if (component.loss === "cross-entropy" && column.width === 1) {
    const classes = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const value = column.values[row] as number;
      if (!Number.isInteger(value) || value < 0 || value >= width) {
        throw refuse(`held-out row ${row + 1} is ${value}, not a class index from 0 to ${width - 1}`);
      }
      classes[row] = value;
    }
    return { kind: "classes", rows, classes };
  }
  if (column.width !== width) throw refuse(`has width ${column.width}, but the output has width ${width}`);
  return { kind: "values", rows, values: column.values };
}

/**
 * The loss of every row, so that two compositions can be compared in pairs; the loss itself is the mean.
 *
 * @param predictions [rows * width]
 * @returns [rows]: `mse` the squared error averaged over the coordinates, `cross-entropy` -log p of the true class (or
 *   the sum over classes of -t log p where the target is a distribution t), natural logarithm
 */
export function rowLosses(component: Component, predictions: Float32Array, target: Target): Float64Array {
  const width = component.output.width;
  const losses = new Float64Array(target.rows);
  for (let row = 0; row < target.rows; row++) {
    const offset = row * width;
    if (target.kind === "classes") {
      const actual = target.classes[row] as number;
      losses[row] = actual < 0 ? -Math.log(SMALLEST_PROBABILITY) : negativeLog(predictions[offset + actual] as number);
      continue;
    }
    let sum = 0;
    if (component.loss === "mse") {
      for (let i = offset; i < offset + width; i++) {
        const error = (predictions[i] as number) - (target.values[i] as number);
        sum += error * error;
      }
      sum /= width;
    } else {
      for (let i = offset; i < offset + width; i++) {
        const share = target.values[i] as number;
        if (share !== 0) sum += share * negativeLog(predictions[i] as number);
      }
    }
    losses[row] = sum;
  }
  return losses;
}

function negativeLog(probability: number): number {
  return -Math.log(Math.max(probability, SMALLEST_PROBABILITY));
}

export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

import { log, square } from "../../common/elementary.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Component, LossName } from "../../pipeline/pipeline.ts";
import type { Column } from "../table/table.ts";

/** Lower bound of probabilities, so that one impossible class does not make the mean infinite. */
const SMALLEST_PROBABILITY = 1e-12;

/** The values that a component's predictions are compared with, row by row. */
export type Target =
  /** [rows * width]: the values themselves, the probability of every class, or the reward of every action. */
  | { readonly kind: "values"; readonly rows: number; readonly values: Float32Array }
  /** [rows]: the index of the true class; -1 for an unknown class. */
  | { readonly kind: "classes"; readonly rows: number; readonly classes: Int32Array };

/**
 * Converts a component's target column once, so that a column that does not match the loss is found at the start.
 * A categorical column is mapped to the output's classes; a numeric one of width 1 under cross-entropy has class indices.
 *
 * @throws UncoupleError `invalid-argument` naming the component and the column
 */
export function targetOf(component: Component, column: Column): Target {
  const { width, classes = [] } = component.output;
  const refuse = (problem: string) =>
    new UncoupleError(
      "invalid-argument",
      `component ${component.name}: target column ${component.target}: ${problem}; correct loss, output or target in the pipeline file`,
    );

  if (column.kind === "categorical") {
    if (component.loss !== "cross-entropy")
      throw refuse(`is categorical, but the loss ${component.loss} requires numbers`);
    if (classes.length !== width)
      throw refuse(`is categorical, but output.classes lists ${classes.length} of ${width} classes`);
    const index = new Map(classes.map((name, position) => [name, position]));
    const byCode = column.dictionary.map((name) => index.get(name) ?? -1);
    return { kind: "classes", rows: column.codes.length, classes: column.codes.map((code) => byCode[code] ?? -1) };
  }

  const rows = column.values.length / column.width;
  if (component.loss === "cross-entropy" && column.width === 1) {
    const indices = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const value = column.values[row] as number;
      if (!Number.isInteger(value) || value < 0 || value >= width) {
        throw refuse(`held-out row ${row + 1} is ${value}, not a class index between 0 and ${width - 1}`);
      }
      indices[row] = value;
    }
    return { kind: "classes", rows, classes: indices };
  }
  if (column.width !== width) throw refuse(`has width ${column.width}, but the output has width ${width}`);
  return { kind: "values", rows, values: column.values };
}

/**
 * Computes the loss of every row, for paired comparisons of compositions; the loss itself is the mean.
 *
 * @param predictions [rows * width]
 * @returns [rows]: for `mse`, the squared error averaged over the coordinates; for `cross-entropy`, -log p of the true
 *   class, or the sum over classes of -t log p if the target is a distribution t; for `policy`, the negative expected
 *   reward
 */
export function rowLosses(component: Component, predictions: Float32Array, target: Target): Float64Array {
  const { width } = component.output;
  const losses = new Float64Array(target.rows);
  for (let row = 0; row < target.rows; row++) {
    const offset = row * width;
    if (target.kind === "classes") {
      const actual = target.classes[row] as number;
      losses[row] = actual < 0 ? -log(SMALLEST_PROBABILITY) : negativeLog(predictions[offset + actual] as number);
    } else {
      losses[row] = valueLoss(component.loss, predictions, target.values, offset, width);
    }
  }
  return losses;
}

/** [rows]: 1 where the most probable class, the first of equals, is not the row's, else 0. @param predictions [rows * width] */
export function rowErrors(
  { output: { width } }: Component,
  predictions: Float32Array,
  target: Extract<Target, { readonly kind: "classes" }>,
): Float64Array {
  return Float64Array.from(target.classes, (actual, row) => {
    let best = 0;
    for (let i = 1; i < width; i++) {
      if ((predictions[row * width + i] as number) > (predictions[row * width + best] as number)) best = i;
    }
    return best === actual ? 0 : 1;
  });
}

/** The loss of the row whose predictions and targets start at `offset`. */
function valueLoss(
  loss: LossName,
  predictions: Float32Array,
  targets: Float32Array,
  offset: number,
  width: number,
): number {
  let sum = 0;
  for (let i = offset; i < offset + width; i++) {
    const predicted = predictions[i] as number;
    const actual = targets[i] as number;
    switch (loss) {
      case "mse":
        sum += square(predicted - actual) / width;
        break;
      case "cross-entropy":
        if (actual !== 0) sum += actual * negativeLog(predicted);
        break;
      case "policy":
        sum -= actual * predicted;
        break;
    }
  }
  return sum;
}

function negativeLog(probability: number): number {
  return -log(Math.max(probability, SMALLEST_PROBABILITY));
}

import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { Table } from "../../data/table/table.ts";
import { rowLosses, type Target, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { FitSummary } from "../../pipeline/run-report.ts";
import { type Predict, predictRows } from "../model-tests/subject.ts";
import { coordinateName, outputFits } from "./output-fit.ts";
import { sliceLosses } from "./slice-losses.ts";

/** Training rows that a fit is measured on. */
export const FIT_ROWS = 10_000;
const WORST_ROWS = 10;
/** Coordinates that a row is described by. */
const SHOWN_COORDINATES = 4;

export interface FitSubject {
  readonly component: Component;
  /** What the model reads, at least one row. */
  readonly table: Table;
  readonly targets: Table;
  /** Columns of the table to divide the rows by. */
  readonly sliced: readonly string[];
  readonly predict: Predict;
  /** Names a row for people. */
  readonly nameOf: (row: number) => string;
}

/** Summarizes how a model does on rows. @throws UncoupleError as `targetColumn` and the subject's `predict`; `failed-precondition` for a loss that is not finite */
export async function summarizeFit(subject: FitSubject): Promise<FitSummary> {
  const { component, table, targets, sliced, predict, nameOf } = subject;
  const rows = Int32Array.from({ length: table.rows }, (_, row) => row);
  const predictions = await predictRows(table, rows, predict);
  const target = targetOf(component, targetColumn(component, targets));
  const losses = rowLosses(component, predictions, target);
  const loss = mean(losses);
  if (!Number.isFinite(loss)) throw new UncoupleError("failed-precondition", `its loss on training rows is ${loss}`);
  const worst = Array.from(rows)
    .sort((a, b) => (losses[b] as number) - (losses[a] as number) || a - b)
    .slice(0, WORST_ROWS);
  return {
    rows: table.rows,
    loss,
    outputs: outputFits(component, predictions, target),
    slices: sliceLosses(table, sliced, losses),
    worst: worst.map((row) => ({
      row: nameOf(row),
      loss: losses[row] as number,
      predicted: predictedText(component, predictions, row),
      actual: actualText(component, target, predictions, row),
    })),
  };
}

function predictedText(component: Component, predictions: Float32Array, row: number): string {
  const { width, classes } = component.output;
  const values = predictions.subarray(row * width, (row + 1) * width);
  if (classes === undefined) return numbersText(values);
  let best = 0;
  for (let place = 1; place < width; place++) {
    if ((values[place] as number) > (values[best] as number)) best = place;
  }
  return probabilityText(component, values, best);
}

function actualText(component: Component, target: Target, predictions: Float32Array, row: number): string {
  const { width } = component.output;
  if (target.kind === "values") return numbersText(target.values.subarray(row * width, (row + 1) * width));
  const actual = target.classes[row] as number;
  if (actual < 0) return "a class that the output does not have";
  return probabilityText(component, predictions.subarray(row * width, (row + 1) * width), actual);
}

/** `yes (12 %)`. */
function probabilityText(component: Component, probabilities: Float32Array, place: number): string {
  const percent = 100 * (probabilities[place] as number);
  return `${coordinateName(component, place)} (${Number(percent.toPrecision(3))} %)`;
}

function numbersText(values: Float32Array): string {
  const shown = Array.from(values.subarray(0, SHOWN_COORDINATES), (value) => String(Number(value.toPrecision(4))));
  return `${shown.join(", ")}${values.length > SHOWN_COORDINATES ? ", ..." : ""}`;
}

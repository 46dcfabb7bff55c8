import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { EncodedDataset } from "../dataset/encoded-dataset.ts";
import { isSpilledMatrix, type Matrix, rowsOf } from "../dataset/row-matrix.ts";
import { indexPoints } from "../fitting/nearest.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";

/** With fewer rows, the nearest row of a cell is too far away. */
const MIN_ROWS_PER_CELL = 20;

/** Rows that are matched in a few milliseconds. */
const ROWS_PER_YIELD = 1024;

/**
 * The matching estimator of Modi et al. 2023, section 3, for discrete X2: ytilde of a row is the y of the row with the
 * same x2 whose calibrated z is nearest to its zhat. Matches x2 exactly. Matching on zhat instead of the calibrated z
 * would reproduce the async target.
 */
export const matching: CounterfactualSource = {
  name: "matching",
  observes: "(x1, z) in the audit sample; (x1, x2, y) in the training rows, with few distinct x2",
  missing: (evidence) => {
    if (evidence.extent === "function") {
      return "matching estimates the counterfactual output at the imputed values only, not at perturbed ones";
    }
    if (isSpilledMatrix(evidence.dataset.target)) {
      return "matching needs all training rows in memory; raise --memory-limit";
    }
    return auditMissing(evidence) ?? tooManyCells(evidence.dataset as EncodedDataset<Matrix>);
  },
  prepare: async (evidence) => {
    const dataset = evidence.dataset as EncodedDataset<Matrix>;
    const calibrated = (await calibrate(evidence)) as Matrix;
    const imputed = dataset.imputed as Matrix;
    const { width, values } = dataset.target;
    const inputs = (dataset.own?.width ?? 0) + imputed.width;
    const matched = new Float32Array(values.length);
    let matchedRows = 0;
    for (const rows of cellsOf(dataset)) {
      const donors = indexPoints(calibrated.values, calibrated.width, rows);
      for (const row of rows) {
        const donor = donors.nearest(imputed.values.subarray(row * imputed.width, (row + 1) * imputed.width));
        matched.set(values.subarray(donor * width, (donor + 1) * width), row * width);
        if (++matchedRows % ROWS_PER_YIELD === 0) await yieldToEventLoop();
      }
    }
    return {
      description: `matching (${auditOf(evidence).rows} audited rows)`,
      layers: [{ inputs, outputs: width, weights: new Float32Array(inputs * width), bias: new Float32Array(width) }],
      link: "identity",
      residual: { width, values: matched },
    };
  },
};

function tooManyCells(dataset: EncodedDataset<Matrix>): string | undefined {
  const cells = cellsOf(dataset).length;
  if (cells * MIN_ROWS_PER_CELL <= dataset.rows) return undefined;
  return `its own columns take ${cells} distinct values in ${dataset.rows} rows; matching needs ${MIN_ROWS_PER_CELL} rows per value`;
}

/** Groups rows by the values of the component's own columns. */
function cellsOf({ own, rows, imputed }: EncodedDataset<Matrix>): readonly (readonly number[])[] {
  if (own === undefined) return [Array.from({ length: rowsOf(imputed as Matrix) }, (_, row) => row)];
  const cells = new Map<string, number[]>();
  for (let row = 0; row < rows; row++) {
    const key = own.values.subarray(row * own.width, (row + 1) * own.width).join();
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [row]);
    else cell.push(row);
  }
  return [...cells.values()];
}

import type { Column, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";

/** Rows that a model is tried on. */
const SAMPLE = 256;
/** Rows that are predicted alone. */
const ALONE = 4;
/** How far a row's predictions may be apart in calls of different rows: kernels sum in another order. */
const RELATIVE = 1e-4;
/** Of the largest value of the sample. */
const OF_SCALE = 1e-5;

/**
 * Tries a model on some of the rows that it has predicted: two calls with the same rows must agree to the bit, and a row's
 * prediction must not depend on the other rows of its call, their order or their number.
 *
 * @param predicted of all rows of the table, [rows * width]
 * @throws ModelFault `not-deterministic`, `not-row-wise`
 */
export async function tryModel(
  model: SnapshotModel,
  table: Table,
  predicted: Float32Array,
  { name, width }: TensorSpec,
): Promise<void> {
  const count = Math.min(SAMPLE, table.rows);
  const rows = Int32Array.from({ length: count }, (_, index) => Math.floor((index * table.rows) / count));
  const expected = valuesOf(predicted, rows, width);
  const scale = expected.reduce(
    (largest, value) => (Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest),
    0,
  );
  const predict = async (some: Int32Array): Promise<Float32Array> => {
    let values: Float32Array;
    try {
      values = await model.predict(takeRows(table, some));
    } catch (thrown) {
      if (!(thrown instanceof ModelFault)) throw thrown;
      throw new ModelFault("not-row-wise", `the model fails on ${some.length} of the rows that it has predicted`, {
        cause: thrown,
      });
    }
    return values;
  };
  const compare = (values: Float32Array, wanted: Float32Array, how: string): void => {
    for (let index = 0; index < wanted.length; index++) {
      if (!close(values[index] as number, wanted[index] as number, scale)) {
        throw new ModelFault("not-row-wise", `${name} of a row changes when the row is predicted ${how}`);
      }
    }
  };

  const first = await predict(rows);
  const second = await predict(rows);
  if (!sameBits(first, second)) {
    throw new ModelFault("not-deterministic", `${name} differs between two calls with the same ${count} rows`);
  }
  compare(first, expected, "with fewer other rows");
  const reversed = rows.slice().reverse();
  compare(await predict(reversed), valuesOf(predicted, reversed, width), "in another order");
  for (let index = 0; index < Math.min(ALONE, count); index++) {
    const row = rows.subarray(Math.floor((index * count) / ALONE)).slice(0, 1);
    compare(await predict(row), valuesOf(predicted, row, width), "alone");
  }
}

function valuesOf(values: Float32Array, rows: Int32Array, width: number): Float32Array {
  const column: Column = { kind: "numeric", width, values };
  const { columns } = takeRows({ rows: values.length / width, columns: { column } }, rows);
  return (columns.column as typeof column).values;
}

function close(value: number, expected: number, scale: number): boolean {
  return Object.is(value, expected) || Math.abs(value - expected) <= RELATIVE * Math.abs(expected) + OF_SCALE * scale;
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const other = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return new Uint32Array(a.buffer, a.byteOffset, a.length).every((bits, index) => bits === other[index]);
}

import * as z from "zod";
import { UncoupleError } from "../../common/errors.ts";
import type { Prediction, PredictionColumn, PredictionInputs } from "../../pipeline/prediction.ts";

const cellSchema = z.union([z.number(), z.string(), z.array(z.number()).min(1)]);
const rowsSchema = z.array(z.record(z.string(), cellSchema)).min(1);
type Cell = z.infer<typeof cellSchema>;

/**
 * Parses rows, `[{ "x1": [0.1, 2.0], "city": "Oslo" }, ...]`, into a batch.
 * @throws UncoupleError `invalid-argument`, naming the invalid row and column
 */
export function readPredictionRows(text: string, source: string): PredictionInputs {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${source} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = rowsSchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [row, column] = issue?.path ?? [];
    const place = [source];
    if (typeof row === "number") place.push(`row ${row + 1}`);
    if (column !== undefined) place.push(`column ${String(column)}`);
    throw new UncoupleError(
      "invalid-argument",
      `${place.join(": ")}: must be a list of rows, each with a number, a string or a list of numbers per column`,
    );
  }
  const rows = parsed.data;
  const names = Object.keys(rows[0] ?? {});
  for (const [index, row] of rows.entries()) {
    const odd = names.find((name) => !(name in row)) ?? Object.keys(row).find((name) => !names.includes(name));
    if (odd !== undefined) {
      throw new UncoupleError("invalid-argument", `${source}: row ${index + 1}: column ${odd} is not in every row`);
    }
  }
  const columns = names.map(
    (name) =>
      [
        name,
        columnOf(
          name,
          rows.map((row) => row[name] as Cell),
          source,
        ),
      ] as const,
  );
  return { rows: rows.length, columns: Object.fromEntries(columns) };
}

function columnOf(name: string, cells: readonly Cell[], source: string): PredictionColumn {
  const [first] = cells;
  const wrong = (index: number) =>
    new UncoupleError(
      "invalid-argument",
      `${source}: row ${index + 1}: column ${name} must have the same type and width as in row 1`,
    );
  if (typeof first === "string") {
    const values = cells.map((cell, index) => {
      if (typeof cell !== "string") throw wrong(index);
      return cell;
    });
    return { kind: "categorical", values };
  }
  const vector = (cell: Cell | undefined) => (typeof cell === "number" ? [cell] : Array.isArray(cell) ? cell : []);
  const width = vector(first).length;
  const values = new Float32Array(cells.length * width);
  for (const [index, cell] of cells.entries()) {
    const numbers = vector(cell);
    if (numbers.length !== width) throw wrong(index);
    values.set(numbers, index * width);
  }
  return { kind: "numeric", width, values };
}

/** One list of numbers per row. */
export function predictionRows({ values, width }: Prediction): number[][] {
  return Array.from({ length: values.length / width }, (_, row) => [
    ...values.subarray(row * width, (row + 1) * width),
  ]);
}

import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SyntheticSource } from "../../pipeline/pipeline.ts";
import { createRandom } from "../random/random.ts";
import type { DataSource, Rows, TrainingPart } from "../source/data-source.ts";
import { SPILL_BLOCK_ROWS } from "../spill/spill-file.ts";
import { removeSpill, type SpillSpace } from "../spill/spill-folder.ts";
import { fingerprintSpilled, type StoredTable } from "../spill/stored-table.ts";
import { spillTable } from "../spill/table-spill.ts";
import { chooseColumns } from "../table/column-choice.ts";
import { fingerprintTable } from "../table/fingerprint.ts";
import type { Column, ColumnSchema } from "../table/table.ts";
import { buildGenerator } from "./generators.ts";
import { sampleModel } from "./structural-model.ts";

/**
 * Creates a source of generated rows. Row r is a function of (generator, seed, parameters, r), and its split a function of
 * r, so more rows never change existing ones.
 * @throws UncoupleError `invalid-argument` for an unknown generator or parameter
 */
export function createSyntheticSource(spec: SyntheticSource): DataSource {
  const model = buildGenerator(spec.generator, spec.seed, spec.parameters);
  const schema: readonly ColumnSchema[] = [...model.roots, ...model.caused].map(({ name, width }) => ({
    name,
    kind: "numeric",
    width,
  }));
  const rowsOf = (columns: readonly string[], rowNumbers: Int32Array): Rows => {
    const chosen = chooseColumns(schema, columns);
    const names = chosen.map((column) => column.name);
    const values = sampleModel(model, names, rowNumbers, spec.seed, "rows");
    const held: Record<string, Column> = {};
    for (const { name, width } of chosen) {
      held[name] = { kind: "numeric", width, values: values[name] as Float32Array };
    }
    const table = { rows: rowNumbers.length, columns: held };
    return {
      table,
      bad: { total: rowNumbers.length, bad: 0, examples: [] },
      fingerprint: fingerprintTable(table),
    };
  };
  /** The training rows with the smallest hashes, in hash order. */
  const sampleOf = (training: Int32Array, rows: number): Int32Array => {
    const hash = createRandom(0, "audit");
    const keyed = Array.from(training, (row) => {
      hash.seek(row);
      return { row, hash: hash.uniform() };
    });
    keyed.sort((a, b) => a.hash - b.hash || a.row - b.row);
    return Int32Array.from(keyed.slice(0, rows), (entry) => entry.row);
  };
  /** Generates blocks of rows if all of them exceed their share of memory. */
  async function storedRows(
    columns: readonly string[],
    numbers: Int32Array,
    space: SpillSpace,
  ): Promise<Rows<StoredTable>> {
    const chosen = chooseColumns(schema, columns);
    const bytes = 4 * numbers.length * chosen.reduce((sum, { width }) => sum + width, 0);
    if (bytes <= space.tableBytes) return rowsOf(columns, numbers);
    const folder = await space.folder();
    try {
      const names = chosen.map(({ name }) => name);
      const table = await spillTable(folder, names, {}, async function* () {
        for (let from = 0; from < numbers.length; from += SPILL_BLOCK_ROWS) {
          const { columns: held } = rowsOf(columns, numbers.subarray(from, from + SPILL_BLOCK_ROWS)).table;
          yield names.map((name) => held[name] as Column);
          await yieldToEventLoop();
        }
      });
      const bad = { total: numbers.length, bad: 0, examples: [] };
      return { table, bad, fingerprint: await fingerprintSpilled(table) };
    } catch (thrown) {
      await removeSpill(folder);
      throw thrown;
    }
  }

  return {
    schema: async () => schema,
    unreadable: () => new Map(),
    trainingRows: async (columns, { limit, part } = {}) =>
      part === undefined
        ? rowsOf(columns, splitRows(spec, "training", limit))
        : rowsOf(columns, partOf(splitRows(spec, "training"), part).slice(0, limit)),
    storedTrainingRows: (columns, space, { part } = {}) =>
      storedRows(columns, partOf(splitRows(spec, "training"), part), space),
    checkTrainingRows: async (columns, { part } = {}) => {
      chooseColumns(schema, columns);
      return rowsOf([], partOf(splitRows(spec, "training"), part));
    },
    storedHeldOutRows: async (columns, _labels, space) => ({
      ...(await storedRows(columns, splitRows(spec, "held-out"), space)),
      labels: {},
    }),
    heldOutRows: async (columns) => ({ ...rowsOf(columns, splitRows(spec, "held-out")), labels: {} }),
    auditRows: async (columns, annotated, rows, { part } = {}) => {
      const training = splitRows(spec, "training");
      if (rows > training.length) {
        throw new UncoupleError(
          "failed-precondition",
          `${rows} audited rows requested, but only ${training.length} training rows exist`,
        );
      }
      return rowsOf([...columns, ...annotated], partOf(sampleOf(training, rows), part));
    },
    sampleRows: async (columns, _labels, rows) => ({
      ...rowsOf(columns, sampleOf(splitRows(spec, "training"), rows)),
      labels: {},
    }),
    oracle(component) {
      const mechanism = model.caused.find((variable) => variable.component === component)?.mechanism;
      return mechanism !== undefined && "layers" in mechanism ? mechanism : undefined;
    },
    close: async () => {},
  };
}

/** Those of some row numbers that are on one side, in their order. */
function partOf(rows: Int32Array, part: TrainingPart | undefined): Int32Array {
  if (part === undefined) return rows;
  const hash = createRandom(0, "validation");
  return rows.filter((row) => {
    hash.seek(row);
    return hash.uniform() < part.share === (part.side === "validation");
  });
}

/** The row numbers on one side of the split, ascending. */
function splitRows(spec: SyntheticSource, side: "training" | "held-out", limit = Number.POSITIVE_INFINITY): Int32Array {
  const hash = createRandom(0, "split");
  const rows = new Int32Array(Math.min(spec.rows, limit));
  let count = 0;
  for (let row = 0; row < spec.rows && count < limit; row += 1) {
    hash.seek(row);
    if (hash.uniform() < spec.testFraction === (side === "held-out")) {
      rows[count] = row;
      count += 1;
    }
  }
  return rows.subarray(0, count);
}

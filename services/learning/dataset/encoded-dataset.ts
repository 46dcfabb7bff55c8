import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import { fitEncoding } from "../../data/spill/fit-encoding.ts";
import { isSpilled, type StoredTable, tableBlocks, withColumns } from "../../data/spill/stored-table.ts";
import { type Encoding, encode } from "../../data/table/encoding.ts";
import type { CategoricalColumn, NumericColumn, Table } from "../../data/table/table.ts";
import { addMeanReward, loggedRewards, type TargetBlock, targetColumn } from "../../data/targets/target-column.ts";
import type { Component, LoggedActions } from "../../pipeline/pipeline.ts";
import { targetColumns } from "../../pipeline/visible-columns.ts";
import { type Matrix, type RowMatrix, spillMatrix } from "./row-matrix.ts";

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

/** The logged rewards of each row's actions, as `LoggedRewards` has them. */
export interface LoggedMatrices<M extends RowMatrix = RowMatrix> {
  readonly rewards: M;
  readonly observed: M;
  /** One number a row. */
  readonly propensity: M;
}

/** A component's training rows, encoded. Row r of every matrix is row r of the training table. */
export interface EncodedDataset<M extends RowMatrix = RowMatrix> {
  readonly component: Component;
  readonly rows: number;
  readonly encoding: ComponentEncoding;
  /** Absent if the component reads no data columns. */
  readonly own?: M;
  /** Absent if the component reads no upstream output. */
  readonly imputed?: M;
  readonly target: M;
  /** Present if the data contains the reward of one logged action per row. */
  readonly logged?: LoggedMatrices<M>;
}

/**
 * Fits the encoding of a component and encodes its training rows: in memory if the table is, otherwise into files beside it.
 *
 * @param table the component's visible training rows
 * @param imputed predictions of the upstream snapshots on these rows, by output name
 * @throws UncoupleError `failed-precondition` if the target does not fit the component's output
 */
export function encodeDataset(component: Component, table: Table, imputed: Table): Promise<EncodedDataset<Matrix>>;
export function encodeDataset(component: Component, table: StoredTable, imputed: StoredTable): Promise<EncodedDataset>;
export async function encodeDataset(
  component: Component,
  table: StoredTable,
  imputed: StoredTable,
): Promise<EncodedDataset> {
  const { rows } = table;
  const encoding: ComponentEncoding = {
    columns: await fitEncoding(table, component.columns),
    imputed: await fitEncoding(imputed, Object.keys(imputed.columns)),
    target: await fitTarget(component, table),
  };
  await yieldToEventLoop();
  const baseline = await rewardBaseline(component, table);
  const targets = withColumns(table, targetColumns(component));
  const matrix = (part: Encoding, of: StoredTable) =>
    encodeRows(
      withColumns(
        of,
        part.columns.map(({ name }) => name),
      ),
      (block) => ({
        width: part.width,
        values: encode(part, block),
      }),
    );
  const logged = (name: keyof LoggedMatrices, width: number) =>
    encodeRows(targets, (block, from) => ({
      width,
      values: loggedRewards(component, component.logged as LoggedActions, block, from)[name],
    }));
  return {
    component,
    rows,
    encoding,
    target: await encodeRows(targets, (block, from) => ({
      width: component.output.width,
      values: encodeTarget(component, encoding.target, block, { from, baseline }),
    })),
    ...(component.logged !== undefined && {
      logged: {
        rewards: await logged("rewards", component.output.width),
        observed: await logged("observed", component.output.width),
        propensity: await logged("propensity", 1),
      },
    }),
    ...(component.columns.length > 0 && { own: await matrix(encoding.columns, table) }),
    ...(component.upstream.length > 0 && { imputed: await matrix(encoding.imputed, imputed) }),
  };
}

/** Computes a matrix from the rows of a table, as `mapRows` from those of matrices. */
export async function encodeRows(
  table: StoredTable,
  compute: (block: Table, from: number) => Matrix | Promise<Matrix>,
): Promise<RowMatrix> {
  if (!isSpilled(table)) return compute(table, 0);
  return spillMatrix(table.folder, async function* () {
    let from = 0;
    for await (const block of tableBlocks(table)) {
      yield compute(block, from);
      from += block.rows;
      await yieldToEventLoop();
    }
  });
}

/** The mean reward, with which the rewards of other actions are estimated; undefined without logged actions. */
async function rewardBaseline(component: Component, table: StoredTable): Promise<number | undefined> {
  const { logged } = component;
  if (logged === undefined) return undefined;
  let baseline = 0;
  let from = 0;
  for await (const block of tableBlocks(withColumns(table, targetColumns(component)))) {
    const { rewards } = loggedRewards(component, logged, block, from);
    baseline = addMeanReward(baseline, rewards, table.rows);
    from += block.rows;
  }
  return baseline;
}

async function fitTarget(component: Component, table: StoredTable): Promise<TargetEncoding> {
  const { width } = component.output;
  const reject = (what: string) =>
    new UncoupleError("failed-precondition", `${component.name}: target column ${component.target} ${what}`);
  // Of logged actions, the target is the reward of every action.
  if (component.logged !== undefined) return { kind: "rewards" };
  const read = withColumns(table, [component.target]);
  const column = read.columns[component.target];
  if (column === undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `component ${component.name}: target column ${component.target} not found in the data`,
    );
  }
  if (component.loss === "cross-entropy") {
    if (column.kind === "categorical") {
      const { classes: vocabulary = [] } = component.output;
      if (vocabulary.length !== width)
        throw reject(`is text, but output.classes names ${vocabulary.length} of ${width} classes`);
      // In the order of the pipeline file, so that coordinates mean the same in all snapshots and in the evaluator.
      for await (const block of tableBlocks(read)) {
        const { codes, dictionary } = block.columns[component.target] as CategoricalColumn;
        const unknown = [...new Set(codes)].find((code) => !vocabulary.includes(dictionary[code] as string));
        if (unknown !== undefined) throw reject(`contains "${dictionary[unknown]}", which is not in output.classes`);
      }
      const columns = [{ kind: "categorical", name: component.target, vocabulary }] as const;
      return { kind: "classes", encoding: { columns, width } };
    }
    if (column.width !== 1) throw reject(`is ${column.width} wide; class numbers must be 1 wide`);
    for await (const block of tableBlocks(read)) {
      const { values } = block.columns[component.target] as NumericColumn;
      const wrong = values.find((value) => !Number.isInteger(value) || value < 0 || value >= width);
      if (wrong !== undefined) throw reject(`contains ${wrong}; classes must be integers from 0 to ${width - 1}`);
    }
    return { kind: "classes", encoding: undefined };
  }
  if (column.kind === "categorical") throw reject(`is text; the ${component.loss} loss requires numbers`);
  if (column.width !== width) throw reject(`is ${column.width} wide, but the output is ${width} wide`);
  return component.loss === "policy"
    ? { kind: "rewards" }
    : { kind: "standardized", encoding: await fitEncoding(table, [component.target]) };
}

/** Encodes the target of the given rows into training space, [rows * output width]. @param block as for `targetColumn` */
export function encodeTarget(
  component: Component,
  target: TargetEncoding,
  table: Table,
  block: TargetBlock = {},
): Float32Array {
  const column = targetColumn(component, table, block);
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

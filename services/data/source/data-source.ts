import type { DrawnSample, RowSample } from "../../pipeline/sample.ts";
import type { SpillSpace } from "../spill/spill-folder.ts";
import type { StoredTable } from "../spill/stored-table.ts";
import type { CategoricalColumn, ColumnSchema, Table } from "../table/table.ts";
import type { CounterfactualOracle } from "./oracle.ts";

/** Statistics of the bad rows, which are left out. */
export interface BadRows {
  /** Rows read, good and bad. */
  readonly total: number;
  readonly bad: number;
  /** The first few, for messages: `row 17: column age: not a number ("n/a")`. */
  readonly examples: readonly string[];
}

export interface Rows<T extends StoredTable = Table> {
  readonly table: T;
  readonly bad: BadRows;
  /** SHA-256 (hex) over the column names and values: runs with the same fingerprint saw the same rows. */
  readonly fingerprint: string;
  /** With a split by time, in ISO 8601: where training rows end, inclusive, or after which time rows are held out. */
  readonly boundary?: string;
  /** How they were chosen, if a sample was asked for. */
  readonly sample?: DrawnSample;
}

/** Rows with labels. */
export interface HeldOutRows<T extends StoredTable = Table> extends Rows<T> {
  /** The labels that were asked for, as text, by column; `(missing)` where a row has none. */
  readonly labels: Readonly<Record<string, CategoricalColumn>>;
}

/**
 * One side of a division of the training rows by the hash of their group, key or row number, which is independent of the
 * hash that holds rows out: more rows move no others.
 */
export interface TrainingPart {
  readonly side: "fit" | "validation";
  /** Share of the training rows on the validation side, in (0, 1). */
  readonly share: number;
}

/** Which of the training rows are read. */
export interface TrainingRowOptions {
  /** Maximum number of rows, from the start; default: all. */
  readonly limit?: number | undefined;
  /** In ISO 8601; with a split by time, all rows after it count as held out. */
  readonly heldOutAfter?: string | undefined;
  /** Defaults to all training rows. */
  readonly part?: TrainingPart | undefined;
  /** Of all training rows, before they are divided into parts; default: all. Bad rows are counted before it. */
  readonly sample?: RowSample | undefined;
}

/**
 * A source of examples. Implementations return exactly the requested columns and never read others into tables, so that
 * the caller alone controls what a team can see.
 */
export interface DataSource {
  /** All readable columns. @throws UncoupleError `not-found` (no file), `invalid-argument` (unreadable, invalid SQL) */
  schema(): Promise<readonly ColumnSchema[]>;
  /** The other columns, each with the reason and what to do: `has the unsupported type DATE; ...`. */
  unreadable(): ReadonlyMap<string, string>;
  /**
   * Reads the training rows, in source order.
   * @param columns names
   * @throws UncoupleError `invalid-argument` (an unknown column), `failed-precondition` (no rows, too many bad rows, or a
   *   sample that cannot be drawn)
   */
  trainingRows(columns: readonly string[], options?: TrainingRowOptions): Promise<Rows>;
  /**
   * As `trainingRows`, of any number: from `space.tableBytes` on, the rows are spilled into a folder of the space, which the
   * caller removes.
   * @throws UncoupleError as `trainingRows`; `resource-exhausted` if the disk is full
   */
  storedTrainingRows(
    columns: readonly string[],
    space: SpillSpace,
    options?: Omit<TrainingRowOptions, "limit">,
  ): Promise<Rows<StoredTable>>;
  /**
   * Reads the training rows only to check and count them. Takes no memory for their values.
   * @returns a table without columns
   * @throws UncoupleError as `trainingRows`
   */
  checkTrainingRows(columns: readonly string[], options?: TrainingRowOptions): Promise<Rows>;
  /** Changes whenever the training rows may have changed; undefined if nothing tells. */
  version?(): Promise<string | undefined>;
  /**
   * Reads the held-out rows. Only for the evaluator.
   * @param labels columns to read as text as well, of any type, which group or slice the rows
   * @throws UncoupleError as `trainingRows`
   */
  heldOutRows(columns: readonly string[], labels?: readonly string[]): Promise<HeldOutRows>;
  /** As `heldOutRows`, spilled as those of `storedTrainingRows`. Labels stay in memory. */
  storedHeldOutRows(
    columns: readonly string[],
    labels: readonly string[],
    space: SpillSpace,
  ): Promise<HeldOutRows<StoredTable>>;
  /**
   * Reads the `rows` training rows with the smallest hashes among those with values in all columns of `annotated`, in hash
   * order, so that a smaller sample is a prefix of a larger one. They are training rows like any other.
   * @param options `part`: those of the rows that are on this side, at least one
   * @throws UncoupleError as `trainingRows`, and `failed-precondition` if there are fewer
   */
  auditRows(
    columns: readonly string[],
    annotated: readonly string[],
    rows: number,
    options?: Pick<TrainingRowOptions, "heldOutAfter" | "part">,
  ): Promise<Rows>;
  /**
   * Reads the `rows` training rows with the smallest hashes, in hash order, or all if there are fewer.
   * @param labels as in `heldOutRows`
   * @throws UncoupleError as `trainingRows`
   */
  sampleRows(
    columns: readonly string[],
    labels: readonly string[],
    rows: number,
    options?: Pick<TrainingRowOptions, "heldOutAfter">,
  ): Promise<HeldOutRows>;
  /**
   * The generator's own function of a component, if the data is synthetic and the function is a dense network.
   * @param component the generator's name of the component (m1, m2, ...)
   */
  oracle(component: string): CounterfactualOracle | undefined;
  close(): Promise<void>;
}

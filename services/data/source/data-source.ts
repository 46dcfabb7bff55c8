import type { ColumnSchema, Table } from "../table/table.ts";
import type { CounterfactualOracle } from "./oracle.ts";

/** What happened to the rows that could not be used. */
export interface BadRows {
  /** Rows read, good and bad. */
  readonly total: number;
  readonly bad: number;
  /** For people: the first few, as `row 17: column age: not a number ("n/a")`. */
  readonly examples: readonly string[];
}

export interface Rows {
  readonly table: Table;
  readonly bad: BadRows;
  /** SHA-256 (hex) over the column names and values: two runs with the same fingerprint saw the same rows. */
  readonly fingerprint: string;
}

/**
 * Where examples come from. Implementations give exactly the columns asked for, so that what a team may see is decided
 * by its caller and holds all the way down: a column not asked for is never read into the process's tables.
 */
export interface DataSource {
  /** Every column that can be read. @throws UncoupleError `not-found` (no file), `invalid-argument` (unreadable, bad SQL) */
  schema(): Promise<readonly ColumnSchema[]>;
  /** The other columns, each with why and what to do: `is of type DATE and cannot be read: ...`. */
  unreadable(): ReadonlyMap<string, string>;
  /**
   * The training rows, in source order.
   * @param columns names; @param limit at most so many rows from the start
   * @throws UncoupleError `invalid-argument` (a column that does not exist), `failed-precondition` (too many bad rows)
   */
  trainingRows(columns: readonly string[], limit?: number): Promise<Rows>;
  /** The held-out rows, for the evaluator alone. */
  heldOutRows(columns: readonly string[]): Promise<Rows>;
  /**
   * The `rows` training rows with the smallest hash among those that have a value in every column of `annotated`, in the
   * order of their hash: a smaller sample is the start of a larger one. They are training rows like any other.
   * @throws UncoupleError as `trainingRows`, and `failed-precondition` where there are fewer
   */
  auditRows(columns: readonly string[], annotated: readonly string[], rows: number): Promise<Rows>;
  /**
   * The generator's own function of a component, where the data is synthetic and the generator has it in dense layers.
   * Components go by the generator's names for them (m1, m2, ...).
   */
  oracle(component: string): CounterfactualOracle | undefined;
  close(): Promise<void>;
}

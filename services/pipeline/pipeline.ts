import type { FreezeWindow, GatePolicy, Webhook } from "./gate.ts";
import type { PipelineTest } from "./model-test.ts";
import type { SharedFrom } from "./shared.ts";
import type { RetentionPolicy } from "./tombstone.ts";

/**
 * The pipeline: a directed acyclic graph of components, shared by all teams.
 */

/** The meaning of an output's values, which determines the applicable losses. */
export type OutputMeaning = "real" | "probabilities" | "scalar";

/**
 * `mse`: mean over rows and output coordinates of the squared error.
 * `cross-entropy`: mean over rows of -log p[target class], natural logarithm; the output is probabilities.
 * `policy`: negative mean over rows of the expected reward under the output, the action probabilities; the target is the
 *   reward of every action (Modi et al. 2023, section 2, with the sign of a loss).
 */
export type LossName = "mse" | "cross-entropy" | "policy";

export interface OutputSpec {
  /** Its name in consumers, targets and the ONNX graph. */
  readonly name: string;
  /** Number of coordinates per row. */
  readonly width: number;
  readonly meaning: OutputMeaning;
  /**
   * The class of each coordinate of `probabilities`, [width], as values of the target column. Part of the contract, so
   * that snapshots trained on different rows agree. Always present with `cross-entropy`.
   */
  readonly classes?: readonly string[];
}

export interface Component {
  readonly name: string;
  /** Raw data columns that the component reads. */
  readonly columns: readonly string[];
  /** Names of the components whose outputs the component reads. */
  readonly upstream: readonly string[];
  readonly output: OutputSpec;
  readonly loss: LossName;
  /** The data column that its own loss compares with; with `logged`, the reward of the action taken. */
  readonly target: string;
  /** Set if the data records one action per row with its reward, not the reward of every action (`policy`). */
  readonly logged?: LoggedActions;
  /** Set if another pipeline trains it, and this one uses what that one releases (`shared.ts`). */
  readonly from?: SharedFrom;
  /** Where its trainer reads rows, with the columns that its team may see. Default: where `data` is. */
  readonly data?: RowPlace;
}

/** The recorded decisions of a component (logged-bandit data). */
export interface LoggedActions {
  /** The data column of the action: one of the output's `classes`, or the 0-based index of an output coordinate. */
  readonly action: string;
  /** The data column of the probability with which that action was chosen, in (0, 1]. */
  readonly propensity: string;
}

/** A built-in data generator, deterministic in its seed. */
export interface SyntheticSource {
  readonly source: "synthetic";
  readonly generator: string;
  /** Parameters of the generator, such as a and b of `figure1`; all have defaults. */
  readonly parameters?: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Total number of rows, training and held-out. */
  readonly rows: number;
  /** Fraction of the rows held out for the evaluator, in (0, 1). */
  readonly testFraction: number;
}

/** Holds out the newest rows. */
export interface TimeSplit {
  /** Column with each row's time: ISO 8601 (UTC unless it has an offset), a date, or seconds since 1970. */
  readonly column: string;
  /** The rows of the last `seconds` of time are held out, or those of the last `fraction` of the time span, in (0, 1). */
  readonly heldOut: { readonly seconds: number } | { readonly fraction: number };
  /** Rows this close before the held-out ones belong to neither side. */
  readonly gapSeconds: number;
}

/** Files of rows, read through DuckDB. */
export type FileSource = FileRows & FileSplit;

/** A table or query of a database, read through DuckDB. */
export type DatabaseSource = DatabaseRows & FileSplit;

/**
 * By hash, where `testFraction` of the rows are held out, in (0, 1), or by time. With `heldOut`, the held-out rows are in
 * another place, and all rows here are training rows; `all`: this is that place, and all rows here are held out.
 */
export type FileSplit =
  | { readonly testFraction: number; readonly time?: never; readonly heldOut?: never }
  | { readonly time: TimeSplit; readonly testFraction?: never; readonly heldOut?: never }
  | { readonly heldOut: RowPlace | "all"; readonly testFraction?: never; readonly time?: never };

/** What is known about rows, wherever they are stored. */
export interface StoredRows {
  /** Column whose hash determines a split by hash. Default: the row number. */
  readonly key?: string;
  /**
   * One or two columns: rows with the same value depend on each other, such as those of a user; two columns cross. The hash
   * of the first determines a split by hash instead of the key's, so that its groups stay whole. Default: the key.
   */
  readonly group?: readonly string[];
  /** Whether keys and groups may leave the evaluator as they are; otherwise only as salted hashes. */
  readonly exposeKeys?: true;
  /** Largest fraction of bad rows (missing, NaN, wrong type) with which a run starts, in [0, 1]. */
  readonly maxBadFraction: number;
}

/** Where rows are stored. */
export type RowPlace = FileRowPlace | DatabaseRowPlace;

export interface FileRowPlace {
  readonly source: "file";
  /** A file, a folder, a glob, or an `s3://`, `gs://` or `https://` URL. Relative ones are relative to the pipeline file. */
  readonly path: string;
  /** Default: by the names of the files, and for one file by its first bytes. */
  readonly format?: FileFormat;
  /** SQL over a table named `source`. */
  readonly query?: string;
}

export interface FileRows extends StoredRows, FileRowPlace {}

export const FILE_FORMATS = ["csv", "jsonl", "parquet"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** The rows of `table` or of `query`: exactly one is set. */
export interface DatabaseRowPlace {
  readonly source: "database";
  /** Where the URL with the credentials is found. */
  readonly url: DatabaseUrl;
  /** `table`, or `schema.table`. */
  readonly table?: string;
  /** SQL of the database, over its own tables. */
  readonly query?: string;
}

export interface DatabaseRows extends StoredRows, DatabaseRowPlace {
  readonly key: string;
}

/** The environment variable that holds the URL, or the file, absolute or relative to the pipeline file. */
export type DatabaseUrl = { readonly env: string } | { readonly file: string };

/** Rows that are stored somewhere, in contrast to generated ones. */
export type StoredSource = FileSource | DatabaseSource;

export type DataSourceSpec = SyntheticSource | StoredSource;

/**
 * Training rows with annotations that a team does not usually see (such as z), for the causal protocols that estimate the
 * counterfactual output without an oracle.
 */
export interface TrainingAudit {
  /** Number of audited training rows. */
  readonly rows: number;
  /** The annotated columns, in addition to those that the component sees. */
  readonly columns: readonly string[];
}

/** Rows with annotated upstream outputs. `rows` and `columns` are both set or both absent. */
export interface AuditSpec extends Partial<TrainingAudit> {
  /** Number of annotated held-out rows, on which evaluators measure consistency gaps; without it, they measure none. */
  readonly heldOut?: number;
}

/**
 * A declared limit of row losses, for tails too heavy for their mean: losses above `bound` count as `bound`, or losses
 * above this quantile of the current composition's losses count as the quantile (winsorizing).
 */
export type LossLimit = { readonly bound: number } | { readonly quantile: number };

export interface VerdictPolicy {
  /** The smallest change of the pipeline loss that matters, as a fraction of the current loss; 0 if every change does. */
  readonly minimumEffect: number;
  /** Limits the losses that verdicts compare, but not those that trainers minimize. */
  readonly lossLimit?: LossLimit;
  /** How many verdicts one generation of held-out rows is good for; beyond it, text and metrics warn. */
  readonly horizon?: number;
}

export interface Pipeline {
  readonly name: string;
  /** In topological order: every component comes after all of its upstream components. */
  readonly components: readonly Component[];
  /**
   * The component whose loss on composed predictions is the pipeline loss; or several with a positive weight each, whose
   * losses, times their weights, add up to it. Read by `objectivesOf`.
   */
  readonly objective: string | Readonly<Record<string, number>>;
  readonly data: DataSourceSpec;
  readonly audit?: AuditSpec;
  /** How verdicts are given. */
  readonly verdict?: VerdictPolicy;
  /** Columns of the data by whose values verdicts compare the rows, too. */
  readonly slices?: readonly string[];
  /** Which models stay; without it, evaluators delete none. */
  readonly retention?: RetentionPolicy;
  /** Which updates are promoted; without it, the newest judged snapshots are in use. */
  readonly gate?: GatePolicy;
  /** When nothing is promoted. */
  readonly freeze?: readonly FreezeWindow[];
  /** Who is told of what a gate does. */
  readonly webhooks?: readonly Webhook[];
  /** What composed outputs must be, beyond their losses. */
  readonly tests?: readonly PipelineTest[];
}

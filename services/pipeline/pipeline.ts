/**
 * What a pipeline is: a directed acyclic graph of components. It is the only thing that the teams share.
 */

/** What the numbers of an output mean, which decides the losses that fit. */
export type OutputMeaning = "real" | "probabilities" | "scalar";

/**
 * `mse`: mean over rows and output coordinates of the squared error.
 * `cross-entropy`: mean over rows of -log p[target class], natural logarithm; the output is probabilities.
 * `policy`: minus the mean over rows of the expected reward under the output, the probabilities of acting; the target is
 *   the reward of every action (Modi et al. 2023, section 2, with the sign of a loss).
 */
export type LossName = "mse" | "cross-entropy" | "policy";

export interface OutputSpec {
  /** The name under which consumers, targets and the ONNX graph know it. */
  readonly name: string;
  /** Number of coordinates a row. */
  readonly width: number;
  readonly meaning: OutputMeaning;
  /**
   * Which class each coordinate of `probabilities` is the probability of, [width]: texts of the target column. It is
   * part of the contract, so that snapshots trained on different rows agree. Always there with `cross-entropy`.
   */
  readonly classes?: readonly string[];
}

export interface Component {
  readonly name: string;
  /** Data columns that the component reads, raw. */
  readonly columns: readonly string[];
  /** Names of the components whose outputs it reads. */
  readonly upstream: readonly string[];
  readonly output: OutputSpec;
  readonly loss: LossName;
  /** The data column that its own loss compares with; with `logged`, the reward of the action that was taken. */
  readonly target: string;
  /** Where the data records one action a row and its reward, in place of the reward of every action (`policy`). */
  readonly logged?: LoggedActions;
}

/** What a decision-making component did when the data was recorded (logged-bandit data). */
export interface LoggedActions {
  /** The data column of the action: a text of the output's `classes`, or the number of an output coordinate from 0. */
  readonly action: string;
  /** The data column of the probability with which that action was chosen, in (0, 1]. */
  readonly propensity: string;
}

/** A generator of this project, deterministic in its seed. */
export interface SyntheticSource {
  readonly source: "synthetic";
  readonly generator: string;
  /** The generator's own numbers, for example a and b of `figure1`; it has defaults for all of them. */
  readonly parameters?: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Rows in all, training and held-out together. */
  readonly rows: number;
  /** Share of the rows that is held out for the evaluator, in (0, 1). */
  readonly testFraction: number;
}

/** A CSV or Parquet file, read through DuckDB. */
export interface FileSource {
  readonly source: "file";
  /** Absolute, or relative to the pipeline file. */
  readonly path: string;
  /** SQL over a table named `source`, for preprocessing. */
  readonly query?: string;
  /** Column whose hash decides the split; without it, the row number. */
  readonly key?: string;
  readonly testFraction: number;
  /** Share of bad rows (missing, NaN, wrong type) past which a run refuses to start, in [0, 1]. */
  readonly maxBadFraction: number;
}

export type DataSourceSpec = SyntheticSource | FileSource;

/**
 * Training rows in which more is annotated than a team usually sees (for example z), for the causal protocols that
 * estimate the counterfactual output without an oracle.
 */
export interface AuditSpec {
  /** Number of training rows that are audited. */
  readonly rows: number;
  /** The columns that are annotated in them, beyond what the component sees anyway. */
  readonly columns: readonly string[];
}

export interface Pipeline {
  readonly name: string;
  /** In topological order: every component stands behind all of its upstream. */
  readonly components: readonly Component[];
  /** The component whose loss on composed predictions is the pipeline loss. */
  readonly objective: string;
  readonly data: DataSourceSpec;
  readonly audit?: AuditSpec;
}

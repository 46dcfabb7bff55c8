/** A column of inputs: numbers as [rows * width], row-major, or one string per row. */
export type PredictionColumn =
  | { readonly kind: "numeric"; readonly width: number; readonly values: Float32Array }
  | { readonly kind: "categorical"; readonly values: readonly string[] };

/** A batch of inputs: raw data columns and upstream outputs, by their names in the pipeline file. */
export interface PredictionInputs {
  readonly rows: number;
  readonly columns: Readonly<Record<string, PredictionColumn>>;
}

export interface Prediction {
  /** Serial of the snapshot that predicted. */
  readonly serial: number;
  readonly width: number;
  /** [rows * width], row-major, in the units of the component's output. */
  readonly values: Float32Array;
}

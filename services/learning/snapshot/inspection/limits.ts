/** Rows per call of ONNX Runtime: bounds the memory of hidden layers and the time of a call. */
export const ROWS_PER_CALL = 4096;

/**
 * Limits of inspection. A host enforces memory and time whatever a model is; these refuse what could only ever run into
 * those limits, before anything is spent on it.
 */
export const LIMITS = {
  /** Nodes of a model, those of nested graphs included. */
  nodes: 20_000,
  /** Graphs inside of graphs (the branches of If, the body of Scan). */
  nesting: 4,
  /** Elements of a declared dimension. */
  dimension: 2 ** 31 - 1,
  /** Elements of a tensor in a call of `ROWS_PER_CALL` rows: 1 GiB of float32. */
  elements: 2 ** 28,
  /** Multiplications in matrix products for a single row, weights that are multiplied with each other included. */
  multiplications: 1e9,
  /** Steps of a Scan over something other than rows. */
  scanSteps: 2 ** 16,
} as const;

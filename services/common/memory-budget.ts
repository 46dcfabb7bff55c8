const MEBIBYTE = 1024 ** 2;

/** What a trainer or an evaluator takes, with its engine's threads and its inference hosts. */
export const DEFAULT_MEMORY_LIMIT = 2048 * MEBIBYTE;
/** Less does not hold Node, the engines, DuckDB and a host. */
export const LEAST_MEMORY_LIMIT = 512 * MEBIBYTE;

/** How the memory of a service is divided. */
export interface MemoryBudget {
  /** Bytes of a table's rows; a larger table is spilled. In memory, its rows are there about four times: raw, encoded, in the engine, and as predictions. */
  readonly tableBytes: number;
  /** Bytes of DuckDB, which spills by itself. */
  readonly databaseBytes: number;
  /** Most bytes of an inference host. */
  readonly hostBytes: number;
  /** Bytes of composed outputs that an evaluator keeps. */
  readonly outputCacheBytes: number;
}

/**
 * Divides the memory of a service. The rest is for Node, the engines and DuckDB themselves, about 300 MiB, and for the blocks
 * and buckets of spilled rows, about 100 MiB for each training at a time.
 *
 * @param limit in bytes
 * @param tables that are in use at a time: runs of a trainer
 */
export function divideMemory(limit: number, tables = 1): MemoryBudget {
  return {
    tableBytes: Math.floor(limit / (8 * tables)),
    databaseBytes: Math.floor(limit / 4),
    hostBytes: Math.floor(limit / 2),
    outputCacheBytes: Math.floor(limit / 8),
  };
}

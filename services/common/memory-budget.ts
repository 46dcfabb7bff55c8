const MEBIBYTE = 1024 ** 2;

/** What a trainer, an evaluator or a worker takes, with its engine's threads and its inference hosts. */
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
  /** Bytes of programs, columns and states that a worker keeps. */
  readonly blobBytes: number;
  /** Bytes of columns and windows that engines keep for later units. */
  readonly idleBytes: number;
  /** Units of trainings that can run at a time, at least one. */
  readonly units: number;
}

/**
 * Divides the memory of a service. The rest is for Node, the engines and DuckDB themselves, about 300 MiB, and for the blocks
 * and buckets of spilled rows, about 100 MiB for each training at a time.
 *
 * @param limit in bytes
 * @param tables that are in use at a time: runs of a trainer, units of a worker
 */
export function divideMemory(limit: number, tables = 1): MemoryBudget {
  return {
    tableBytes: Math.floor(limit / (8 * tables)),
    databaseBytes: Math.floor(limit / 4),
    hostBytes: Math.floor(limit / 2),
    outputCacheBytes: Math.floor(limit / 8),
    blobBytes: Math.floor(limit / 4),
    idleBytes: Math.floor(limit / 8),
    units: Math.max(1, Math.floor((limit - 300 * MEBIBYTE) / (100 * MEBIBYTE))),
  };
}

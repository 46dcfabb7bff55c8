const MEBIBYTE = 1024 ** 2;

/** What a trainer, an evaluator or a worker takes, with its engine's threads and its inference hosts. */
export const DEFAULT_MEMORY_LIMIT = 2048 * MEBIBYTE;
/** Less does not hold Node, the engines, DuckDB and a host. */
export const LEAST_MEMORY_LIMIT = 512 * MEBIBYTE;

/** What a service takes beside its shares: Node, the engines and DuckDB themselves about 300 MiB, and a host. */
const SERVICE_BYTES = 400 * MEBIBYTE;
/** What a worker takes beside its shares. */
const WORKER_BYTES = 300 * MEBIBYTE;
/** Blocks and buckets of a training on spilled rows. */
const TRAINING_BYTES = 100 * MEBIBYTE;

/** How the memory of a trainer or an evaluator is divided. */
export interface MemoryBudget {
  /** Bytes of a table's rows; a larger table is spilled. In memory, its rows are there about four times: raw, encoded, in the engine, and as predictions. */
  readonly tableBytes: number;
  /** Bytes of DuckDB, which spills by itself. */
  readonly databaseBytes: number;
  /** Most bytes of an inference host. */
  readonly hostBytes: number;
  /** Bytes of composed outputs that an evaluator keeps. */
  readonly outputCacheBytes: number;
  /** Bytes of columns and windows that engines keep for later units. */
  readonly idleBytes: number;
  /** Units of trainings that can run at a time, at least one. */
  readonly units: number;
}

/**
 * Divides the memory of a service. Tables share an eighth of it, and less where four times an eighth, the service itself and
 * its trainings are more than the limit.
 *
 * @param limit in bytes
 * @param tables that are in use at a time: runs of a trainer
 */
export function divideMemory(limit: number, tables = 1): MemoryBudget {
  const rest = Math.max(0, limit - SERVICE_BYTES - TRAINING_BYTES * tables);
  return {
    tableBytes: Math.floor(Math.min(limit / 8, rest / 4) / tables),
    databaseBytes: Math.floor(limit / 4),
    hostBytes: Math.floor(limit / 2),
    outputCacheBytes: Math.floor(limit / 8),
    idleBytes: Math.floor(limit / 8),
    units: unitsWithin(limit),
  };
}

/** How the memory of a worker is divided. */
export interface WorkerMemoryBudget extends Pick<MemoryBudget, "idleBytes" | "units"> {
  /** Bytes of the columns of a unit; larger ones are files. */
  readonly tableBytes: number;
  /** Bytes of programs, columns and states that it keeps. */
  readonly blobBytes: number;
}

/** Divides the memory of a worker. @param limit in bytes @param processors how many units it would run at a time */
export function divideWorkerMemory(limit: number, processors: number): WorkerMemoryBudget {
  const units = Math.min(processors, unitsWithin(limit));
  return {
    tableBytes: Math.floor(limit / (8 * units)),
    blobBytes: Math.floor(limit / 4),
    idleBytes: Math.floor(limit / 8),
    units,
  };
}

function unitsWithin(limit: number): number {
  return Math.max(1, Math.floor((limit - WORKER_BYTES) / TRAINING_BYTES));
}

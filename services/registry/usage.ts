/** Bytes of storage. */
export interface Space {
  readonly used: number;
  /** null: there is none, or clients cannot see it. */
  readonly limit: number | null;
}

/** The streams of a pipeline beside its model store. */
export const LOG_KINDS = [
  "snapshots",
  "pipelines",
  "releases",
  "aliases",
  "verdicts",
  "quarantines",
  "tombstones",
  "leases",
] as const;
export type LogKind = (typeof LOG_KINDS)[number];

/** How full the storage of a pipeline is, and whether a cluster has all of its copies. */
export interface StoreUsage {
  /** The pipeline's model store. */
  readonly models: Space;
  /** The pipeline's other streams, where the backplane has them. */
  readonly logs: Readonly<Partial<Record<LogKind, Space>>>;
  /** What the account of the connection stores on the server or cluster, for all pipelines. */
  readonly server: Space;
  /** Copies of the pipeline's streams whose server is offline or behind; 0 without a cluster. */
  readonly copiesBehind: number;
}

/** The fraction from which on a store counts as filling up. */
export const FILLING_UP = 0.8;

/** The used fraction of a space; 0 without a limit. */
export function fullness({ used, limit }: Space): number {
  return limit === null || limit <= 0 ? 0 : used / limit;
}

/** `81 % of 2147.5 MB are used` */
export function spaceText(space: Space): string {
  const { used, limit } = space;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  if (limit === null) return `${megabytes(used)} are used`;
  return `${Math.floor(100 * fullness(space))} % of ${megabytes(limit)} are used`;
}

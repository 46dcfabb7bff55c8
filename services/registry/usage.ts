/** Bytes of storage. */
export interface Space {
  readonly used: number;
  /** null: there is none, or clients cannot see it. */
  readonly limit: number | null;
}

/** How full the storage of a pipeline is. */
export interface StoreUsage {
  /** The pipeline's model store. */
  readonly models: Space;
  /** What the account of the connection stores on the server or cluster, for all pipelines. */
  readonly server: Space;
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

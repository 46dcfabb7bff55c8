import type { Leases } from "../registry/backplane.ts";

/** Held while models are deleted and logs compacted, so that two processes do not do the same work. */
const LEASE = "gc";

/**
 * Runs work under the lease `gc`. The signal that it gets also aborts when the lease is lost.
 * @throws UncoupleError `conflict` if another process holds the lease; `cancelled`; what the work throws
 */
export async function withGcLease<T>(
  { leases, by }: { readonly leases: Leases; readonly by: string },
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = await leases.claim(LEASE, by, signal);
  try {
    return await work(AbortSignal.any([signal, lease.lost]));
  } finally {
    await lease.release();
  }
}

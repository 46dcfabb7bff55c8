import { raceAbort } from "../common/async/race-abort.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import type { Blob } from "../learning/units/unit.ts";
import type { Transfers } from "./transfers.ts";

/** Bytes from the trainer by their SHA-256. The least recently used are dropped; concurrent fetches of one digest are one. */
export interface BlobCache {
  /**
   * @throws UncoupleError as `Transfers.run`; the reason of the signal, while the fetch goes on for others
   */
  get(digest: string, signal?: AbortSignal): Promise<Blob>;
  /** Keeps bytes that were made here. */
  add(blob: Blob): void;
}

/** @param capacity bytes */
export function createBlobCache(transfers: Transfers, capacity: number): BlobCache {
  const cache = createSharedCache<Blob>({ capacity, weight: ({ bytes }) => bytes.byteLength });

  const fetch = async (digest: string): Promise<Blob> => ({
    digest,
    bytes: await transfers.run((coordinator, worker, options) => coordinator.fetch(worker, digest, options)),
  });

  return {
    get(digest, signal) {
      const blob = cache.use(
        digest,
        () => fetch(digest),
        async (found) => found,
      );
      return signal === undefined ? blob : raceAbort(blob, signal);
    },
    add(blob) {
      const keep = async () => blob;
      void cache.use(blob.digest, keep, keep);
    },
  };
}

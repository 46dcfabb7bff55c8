import { raceAbort } from "../common/async/race-abort.ts";
import { isTransient, UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import type { Blob } from "../learning/units/unit.ts";
import type { TrainerLink } from "./trainer-link.ts";

/** Bytes from the trainer by their SHA-256. The least recently used are dropped; concurrent fetches of one digest are one. */
export interface BlobCache {
  /**
   * @throws UncoupleError as `RemoteCoordinator.fetch`; the reason of the signal, while the fetch goes on for others
   */
  get(digest: string, signal?: AbortSignal): Promise<Blob>;
  /** Keeps bytes that were made here. */
  add(blob: Blob): void;
}

/**
 * @param capacity bytes
 * @param onFetched called with the number of bytes that arrived since the last call
 */
export function createBlobCache(
  link: Pick<TrainerLink, "current">,
  capacity: number,
  onFetched: (bytes: number) => void,
): BlobCache {
  const cache = createSharedCache<Blob>({ capacity, weight: ({ bytes }) => bytes.byteLength });

  async function fetch(digest: string): Promise<Blob> {
    const session = link.current();
    if (session === undefined) throw new UncoupleError("unavailable", "the connection to the trainer was lost");
    const onProgress = (bytes: number) => {
      session.received(bytes);
      onFetched(bytes);
    };
    try {
      const { coordinator, joined, ended } = session;
      return { digest, bytes: await coordinator.fetch(joined.worker, digest, { signal: ended, onProgress }) };
    } catch (thrown) {
      if (session.ended.aborted) throw new UncoupleError("unavailable", "the connection to the trainer was lost");
      if (isTransient(thrown)) session.fail(thrown);
      throw thrown;
    }
  }

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

import type { JobBlob } from "../../learning/units/unit.ts";

/** Bytes by digest, kept as long as somebody holds them. */
export interface BlobStore {
  /** Calls add up: each needs a `release`. */
  hold(blob: JobBlob): void;
  release(digest: string): void;
  get(digest: string): JobBlob | undefined;
}

export function createBlobStore(): BlobStore {
  const held = new Map<string, { readonly blob: JobBlob; holders: number }>();
  return {
    hold(blob) {
      const known = held.get(blob.digest);
      if (known === undefined) held.set(blob.digest, { blob, holders: 1 });
      else known.holders++;
    },
    release(digest) {
      const known = held.get(digest);
      if (known !== undefined && --known.holders === 0) held.delete(digest);
    },
    get: (digest) => held.get(digest)?.blob,
  };
}

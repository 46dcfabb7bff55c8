/** Lists of numbers by hash. */
export interface Chains {
  /** The first entry with this hash or one like it, or -1. */
  first(hash: number): number;
  next(entry: number): number;
  /** @param entry that was not added before */
  add(entry: number, hash: number): void;
}

/** Bytes of `createChains`. */
export function chainBytes(entries: number): number {
  return 4 * bucketsFor(entries) + 4 * entries;
}

function bucketsFor(entries: number): number {
  let buckets = 1;
  while (buckets <= entries) buckets *= 2;
  return buckets;
}

/** @param entries all are from 0 to this, exclusive */
export function createChains(entries: number): Chains {
  const size = bucketsFor(entries);
  const bits = 31 - Math.clz32(size);
  /** Entries plus one; 0 is none. */
  const heads = new Int32Array(size);
  const following = new Int32Array(entries);
  // Upper bits of a product depend on all bits of the hash.
  const bucketOf = (hash: number) => (bits === 0 ? 0 : Math.imul(hash, 0x9e3779b1) >>> (32 - bits));
  return {
    first: (hash) => (heads[bucketOf(hash)] as number) - 1,
    next: (entry) => (following[entry] as number) - 1,
    add(entry, hash) {
      const bucket = bucketOf(hash);
      following[entry] = heads[bucket] as number;
      heads[bucket] = entry + 1;
    },
  };
}

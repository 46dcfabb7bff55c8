/** What a cache does with one kind of value. */
export interface CacheRules<V> {
  /** Sum of weights that may stay; values in use stay beyond it until they are let go. */
  readonly capacity: number;
  weight(value: V): number;
  /** Called once for every value that leaves, when nobody uses it any more. */
  dispose?(value: V): Promise<void>;
}

/** Values that are made once, shared by whoever asks meanwhile, and dropped least recently used first. */
export interface SharedCache<V> {
  /** Makes the value if it is not there; it stays whole until `body` has ended. A failed `make` leaves nothing behind. */
  use<R>(key: string, make: () => Promise<V>, body: (value: V) => Promise<R>): Promise<R>;
  /** Drops a value, now or when its users are done. */
  delete(key: string): Promise<void>;
  /** Sum of the weights of the values held. */
  weight(): number;
  /** Drops everything. The cache must not be used afterwards. */
  clear(): Promise<void>;
}

interface Entry<V> {
  readonly value: Promise<V>;
  made: V | undefined;
  weight: number;
  users: number;
  dropped: boolean;
}

export function createSharedCache<V>(rules: CacheRules<V>): SharedCache<V> {
  // In order of last use, oldest first.
  const entries = new Map<string, Entry<V>>();
  let total = 0;

  async function disposeIfIdle(entry: Entry<V>): Promise<void> {
    if (!entry.dropped || entry.users > 0 || entry.made === undefined) return;
    const value = entry.made;
    entry.made = undefined;
    await rules.dispose?.(value);
  }

  async function drop(key: string, entry: Entry<V>): Promise<void> {
    if (entries.get(key) === entry) {
      entries.delete(key);
      total -= entry.weight;
    }
    entry.dropped = true;
    await disposeIfIdle(entry);
  }

  async function evict(): Promise<void> {
    for (const [key, entry] of entries) {
      if (total <= rules.capacity) return;
      if (entry.users === 0 && entry.made !== undefined) await drop(key, entry);
    }
  }

  function entryOf(key: string, make: () => Promise<V>): Entry<V> {
    const known = entries.get(key);
    if (known !== undefined) {
      entries.delete(key);
      entries.set(key, known);
      return known;
    }
    const entry: Entry<V> = { value: make(), made: undefined, weight: 0, users: 0, dropped: false };
    entries.set(key, entry);
    return entry;
  }

  return {
    async use(key, make, body) {
      const entry = entryOf(key, make);
      entry.users += 1;
      try {
        const value = await entry.value;
        if (entry.made === undefined && !entry.dropped) {
          entry.made = value;
          entry.weight = rules.weight(value);
          total += entry.weight;
        } else if (entry.made === undefined) {
          // Dropped while it was being made: its last user disposes of it.
          entry.made = value;
        }
        return await body(value);
      } catch (error) {
        if (entry.made === undefined && entries.get(key) === entry) entries.delete(key);
        throw error;
      } finally {
        entry.users -= 1;
        await disposeIfIdle(entry);
        await evict();
      }
    },
    async delete(key) {
      const entry = entries.get(key);
      if (entry !== undefined) await drop(key, entry);
    },
    weight: () => total,
    async clear() {
      for (const [key, entry] of new Map(entries)) await drop(key, entry);
    },
  };
}

/** The capacity of a cache, and how it weighs and disposes of its values. */
export interface CacheRules<V> {
  /** Maximum total weight. Values in use stay beyond it until they are released. */
  readonly capacity: number;
  weight(value: V): number;
  /** Called once for each evicted value, after its last use. */
  dispose?(value: V): Promise<void>;
}

/** An LRU cache whose values are created once and shared by concurrent callers. */
export interface SharedCache<V> {
  /**
   * Calls `body` with the value, after creating it if necessary. The value is not disposed of before `body` returns. A
   * failed `make` is not cached.
   */
  use<R>(key: string, make: () => Promise<V>, body: (value: V) => Promise<R>): Promise<R>;
  /** Whether the value exists or is being created. */
  has(key: string): boolean;
  /** Evicts a value; disposes of it after its last use. */
  delete(key: string): Promise<void>;
  /** Total weight of the cached values. */
  weight(): number;
  /** Evicts everything. The cache must not be used afterward. */
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
  // Least recently used first.
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
          // Evicted while being created: its last user disposes of it.
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
    has: (key) => entries.has(key),
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

/** Values by key, of which the least recently used are dropped. */
export class RecentlyUsed<V> {
  private readonly values = new Map<string, V>();
  private readonly kept: number;

  /** @param kept number of values */
  constructor(kept: number) {
    this.kept = kept;
  }

  /** @returns the value of the key, made if there is none */
  get(key: string, make: () => V): V {
    const value = this.values.get(key) ?? make();
    // Re-inserts the entry at the end, so that the first key is the least recently used.
    this.values.delete(key);
    this.values.set(key, value);
    const [oldest] = this.values.keys();
    if (this.values.size > this.kept && oldest !== undefined) this.values.delete(oldest);
    return value;
  }
}

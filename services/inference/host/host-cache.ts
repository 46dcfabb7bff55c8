import type { HeldBytes } from "../inference.ts";

export type CacheKind = keyof HeldBytes;

interface Entry {
  readonly kind: CacheKind;
  readonly value: unknown;
  readonly bytes: number;
  readonly dispose: (() => Promise<void>) | undefined;
}

/** What a host keeps for later calls: columns, outputs and models share one budget, and the least recently used go first. */
export class HostCache {
  private readonly entries = new Map<string, Entry>();
  private readonly bytes = { columns: 0, outputs: 0, models: 0 };

  get<V>(kind: CacheKind, key: string): V | undefined {
    const id = `${kind} ${key}`;
    const entry = this.entries.get(id);
    if (entry === undefined) return undefined;
    this.entries.delete(id);
    this.entries.set(id, entry);
    return entry.value as V;
  }

  /** @param dispose called once the value is dropped */
  put(kind: CacheKind, key: string, value: unknown, bytes: number, dispose?: () => Promise<void>): void {
    this.entries.set(`${kind} ${key}`, { kind, value, bytes, dispose });
    this.bytes[kind] += bytes;
  }

  held(): HeldBytes {
    return { ...this.bytes };
  }

  /** Drops what is beyond the budget. */
  async shrink(budget: number): Promise<void> {
    for (const [id, { kind, bytes, dispose }] of this.entries) {
      if (this.bytes.columns + this.bytes.outputs + this.bytes.models <= budget) return;
      this.entries.delete(id);
      this.bytes[kind] -= bytes;
      await dispose?.();
    }
  }
}

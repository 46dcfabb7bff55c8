import type { SnapshotModel } from "../learning/snapshot-model.ts";

/** Loaded snapshots for prediction: the most recently used ones stay, and none goes while it is in use. */
export interface ModelCache {
  /** Loads the snapshot if it is not there. @throws what `load` and `body` throw */
  use<T>(serial: number, body: (model: SnapshotModel) => Promise<T>): Promise<T>;
  /** Waits for those in use, and drops all. */
  close(): Promise<void>;
}

interface Entry {
  readonly model: Promise<SnapshotModel>;
  users: number;
}

/** @param capacity models held beyond those in use */
export function createModelCache(capacity: number, load: (serial: number) => Promise<SnapshotModel>): ModelCache {
  // In order of last use, oldest first.
  const entries = new Map<number, Entry>();
  let idle: (() => void) | undefined;

  async function dropAbove(limit: number): Promise<void> {
    const unused = [...entries].filter(([, { users }]) => users === 0);
    for (const [serial, { model }] of unused.slice(0, Math.max(0, unused.length - limit))) {
      entries.delete(serial);
      await (await model).dispose();
    }
  }

  return {
    async use(serial, body) {
      const entry = entries.get(serial) ?? { model: load(serial), users: 0 };
      entries.delete(serial);
      entries.set(serial, entry);
      entry.users += 1;
      let loaded = false;
      try {
        const model = await entry.model;
        loaded = true;
        return await body(model);
      } finally {
        entry.users -= 1;
        if (!loaded && entries.get(serial) === entry) entries.delete(serial);
        await dropAbove(capacity);
        idle?.();
      }
    },
    async close() {
      while ([...entries.values()].some(({ users }) => users > 0)) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
      await dropAbove(0);
    },
  };
}

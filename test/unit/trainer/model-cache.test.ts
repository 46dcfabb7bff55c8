import { describe, expect, test } from "vitest";
import { createModelCache } from "../../../services/trainer/model-cache.ts";
import { gate } from "../../helpers/trainer-bench.ts";

function cacheOf(capacity: number) {
  const events: string[] = [];
  const cache = createModelCache(capacity, async (serial) => {
    events.push(`load ${serial}`);
    return {
      predict: async () => Float32Array.of(serial),
      dispose: async () => {
        events.push(`drop ${serial}`);
      },
    };
  });
  const use = (serial: number) => cache.use(serial, (model) => model.predict({ rows: 1, columns: {} }));
  return { cache, use, events };
}

describe("the cache of loaded snapshots", () => {
  test("loads a snapshot once, also for many at the same time", async () => {
    const { use, events } = cacheOf(2);
    const values = await Promise.all([use(1), use(1), use(1)]);
    expect(values.map(([value]) => value)).toEqual([1, 1, 1]);
    await use(1);
    expect(events).toEqual(["load 1"]);
  });

  test("drops the one that was used longest ago", async () => {
    const { use, events } = cacheOf(2);
    for (const serial of [1, 2, 1, 3]) await use(serial);
    expect(events).toEqual(["load 1", "load 2", "load 3", "drop 2"]);
  });

  test("drops none that is in use", async () => {
    const { cache, use, events } = cacheOf(1);
    const held = gate();
    const using = cache.use(1, () => held.passed);
    await use(2);
    await use(3);
    expect(events).toEqual(["load 1", "load 2", "load 3", "drop 2"]);
    held.open();
    await using;
    const closing = cache.close();
    await closing;
    expect(events.filter((event) => event.startsWith("drop")).toSorted()).toEqual(["drop 1", "drop 2", "drop 3"]);
  });

  test("tries again after a load that failed", async () => {
    let loads = 0;
    const cache = createModelCache(1, async () => {
      if (++loads === 1) throw new Error("away");
      return { predict: async () => new Float32Array(1), dispose: async () => {} };
    });
    await expect(cache.use(1, async () => {})).rejects.toThrow("away");
    await cache.use(1, async () => {});
    expect(loads).toBe(2);
  });
});

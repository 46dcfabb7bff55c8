import { expect, test } from "vitest";
import { createSharedCache } from "../../../services/common/shared-cache.ts";

function cacheOfTen() {
  const made: string[] = [];
  const disposed: string[] = [];
  const cache = createSharedCache<string>({
    capacity: 10,
    weight: (value) => value.length,
    dispose: async (value) => void disposed.push(value),
  });
  const get = (value: string) =>
    cache.use(
      value,
      async () => {
        made.push(value);
        return value;
      },
      async (got) => got,
    );
  return { cache, made, disposed, get };
}

test("concurrent requests for a value create it once", async () => {
  const { made, get } = cacheOfTen();
  expect(await Promise.all([get("aaaa"), get("aaaa"), get("aaaa")])).toEqual(["aaaa", "aaaa", "aaaa"]);
  expect(made).toEqual(["aaaa"]);
});

test("the least recently used value is evicted first and disposed of", async () => {
  const { cache, made, disposed, get } = cacheOfTen();
  for (const value of ["aaaa", "bbbb", "aaaa", "cccc"]) await get(value);
  expect(disposed).toEqual(["bbbb"]);
  expect(cache.weight()).toBe(8);
  await get("aaaa");
  await get("bbbb");
  expect(made).toEqual(["aaaa", "bbbb", "cccc", "bbbb"]);
  expect(disposed).toEqual(["bbbb", "cccc"]);
});

test("a value larger than the capacity is returned but not cached", async () => {
  const { cache, disposed, get } = cacheOfTen();
  expect(await get("a".repeat(11))).toHaveLength(11);
  expect(disposed).toHaveLength(1);
  expect(cache.weight()).toBe(0);
});

test("a value is not disposed of while it is in use", async () => {
  const { cache, disposed, get } = cacheOfTen();
  let finish = () => {};
  const using = cache.use(
    "aaaa",
    async () => "aaaa",
    () => new Promise<void>((resolve) => (finish = resolve)),
  );
  await get("bbbbbbbb");
  await cache.delete("aaaa");
  expect(disposed).toEqual(["bbbbbbbb"]);
  finish();
  await using;
  expect(disposed).toEqual(["bbbbbbbb", "aaaa"]);
  expect(cache.weight()).toBe(0);
});

test("a value evicted during its creation is still returned, then disposed of", async () => {
  const { cache, disposed } = cacheOfTen();
  let make = (_: string) => {};
  const asked = cache.use(
    "a",
    () => new Promise<string>((resolve) => (make = resolve)),
    async (value) => value,
  );
  await cache.clear();
  make("a");
  expect(await asked).toBe("a");
  expect(disposed).toEqual(["a"]);
  expect(cache.weight()).toBe(0);
});

test("a failed creation rejects all concurrent requests and is not cached", async () => {
  const { cache, get } = cacheOfTen();
  const fail = () =>
    cache.use(
      "a",
      async () => {
        throw new Error("no");
      },
      async (value) => value,
    );
  const outcomes = await Promise.allSettled([fail(), fail()]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await get("a")).toBe("a");
  expect(cache.weight()).toBe(1);
});

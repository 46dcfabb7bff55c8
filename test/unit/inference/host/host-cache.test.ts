import { expect, test } from "vitest";
import { HostCache } from "../../../../services/inference/host/host-cache.ts";

test("columns, outputs and models share one budget; the least recently used go first, and each is disposed of once", async () => {
  const cache = new HostCache();
  const disposed: string[] = [];
  const put = (kind: "columns" | "outputs" | "models", key: string, bytes: number) =>
    cache.put(kind, key, `${kind} ${key}`, bytes, async () => void disposed.push(`${kind} ${key}`));
  put("columns", "a", 10);
  put("models", "a", 20);
  put("outputs", "b", 30);
  expect(cache.held()).toEqual({ columns: 10, outputs: 30, models: 20 });
  expect(cache.get("columns", "a")).toBe("columns a");
  await cache.shrink(45);
  expect(disposed).toEqual(["models a"]);
  expect(cache.get("models", "a")).toBeUndefined();
  expect(cache.held()).toEqual({ columns: 10, outputs: 30, models: 0 });
  await cache.shrink(0);
  expect(disposed).toEqual(["models a", "outputs b", "columns a"]);
  expect(cache.held()).toEqual({ columns: 0, outputs: 0, models: 0 });
});

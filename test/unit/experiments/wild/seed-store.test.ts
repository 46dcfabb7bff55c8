import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeedStore } from "../../../../services/experiments/wild/seed-store.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-seeds-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const part = { pipeline: "cars", seed: 3, conditions: [], measurements: [], inapplicable: { matching: "why" } };

test("a saved part is found by pipeline, seed and key", async () => {
  const store = createSeedStore(join(dir, "parts"));
  expect(await store.load("cars", 3, "key")).toBeUndefined();
  await store.save(part, "key");
  expect(await store.load("cars", 3, "key")).toEqual(part);
  expect(await store.load("cars", 3, "another")).toBeUndefined();
  expect(await store.load("cars", 4, "key")).toBeUndefined();
});

test("a damaged part counts as missing, and clearing removes everything", async () => {
  const store = createSeedStore(join(dir, "parts"));
  await store.save(part, "key");
  await truncate(join(dir, "parts", "cars-3.json"), 20);
  expect(await store.load("cars", 3, "key")).toBeUndefined();
  await store.clear();
  expect(await readdir(dir)).toEqual([]);
});

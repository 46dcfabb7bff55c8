import { expect, test } from "vitest";
import { hideKeys } from "../../../services/evaluator/hide-keys.ts";
import type { FileRows, Pipeline } from "../../../services/pipeline/pipeline.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

const pipelineOf = (data: Partial<FileRows>): Pipeline => ({
  ...twoComponents,
  data: { source: "file", path: "rows.csv", testFraction: 0.2, maxBadFraction: 0, key: "id", ...data },
});
const codes = Int32Array.of(0, 1, 1);
const slicesOf = (...columns: readonly string[]) => ({
  groupings: [],
  slices: columns.map((column) => ({ column, codes, values: ["ann", "ben"] })),
});
const valuesOf = ({ slices }: ReturnType<typeof hideKeys>) => slices.map(({ values }) => values);

test("keys and groups are shown as hashes, which depend on salt, column and key", () => {
  const pipeline = pipelineOf({ group: ["user"] });
  const hidden = valuesOf(hideKeys(slicesOf("id", "user", "device"), pipeline, "c2FsdA=="));
  const hashes = [...(hidden[0] ?? []), ...(hidden[1] ?? [])];
  for (const hash of hashes) expect(hash).toMatch(/^#[0-9a-f]{16}$/);
  expect(new Set(hashes).size).toBe(4);
  expect(hidden[2]).toEqual(["ann", "ben"]);
  expect(valuesOf(hideKeys(slicesOf("id", "user", "device"), pipeline, "c2FsdA=="))).toEqual(hidden);
  const others = valuesOf(hideKeys(slicesOf("id"), pipeline, "b3RoZXI="));
  expect(others[0]?.some((hash) => hashes.includes(hash))).toBe(false);
});

test("keys are shown as they are if the pipeline file exposes them", () => {
  const shown = slicesOf("id", "device");
  expect(hideKeys(shown, pipelineOf({ exposeKeys: true }), "c2FsdA==")).toEqual(shown);
});

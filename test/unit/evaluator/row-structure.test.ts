import { describe, expect, test } from "vitest";
import { labelColumns, rowStructure } from "../../../services/evaluator/row-structure.ts";
import { groupColumns } from "../../../services/pipeline/group-columns.ts";
import type { FileRows, Pipeline } from "../../../services/pipeline/pipeline.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

const file = { source: "file", path: "rows.csv", testFraction: 0.2, maxBadFraction: 0 } as const;
const pipelineOf = (data: Partial<FileRows>, slices?: readonly string[]): Pipeline => ({
  ...twoComponents,
  data: { ...file, ...data },
  ...(slices !== undefined && { slices }),
});
const label = (...values: readonly string[]) => {
  const dictionary = [...new Set(values)];
  const codes = Int32Array.from(values, (value) => dictionary.indexOf(value));
  return { kind: "categorical", width: 1, codes, dictionary } as const;
};

describe("the structure of held-out rows", () => {
  test("comes from data.group, or else from data.key", () => {
    expect(groupColumns(pipelineOf({}))).toEqual([]);
    expect(groupColumns(pipelineOf({ key: "id" }))).toEqual(["id"]);
    expect(groupColumns(pipelineOf({ key: "id", group: ["user", "item"] }))).toEqual(["user", "item"]);
    expect(labelColumns(pipelineOf({ group: ["user"] }, ["user", "device"]))).toEqual(["user", "device"]);
  });

  test("groups rows that share a key, and leaves rows with keys of their own independent", () => {
    const pipeline = pipelineOf({ key: "id" });
    expect(rowStructure(pipeline, 3, { id: label("a", "b", "c") }).groupings).toEqual([]);
    const shared = rowStructure(pipeline, 3, { id: label("a", "b", "a") });
    expect(shared.groupings).toEqual([{ codes: Int32Array.of(0, 1, 0), count: 2 }]);
  });

  test("has the values of slice columns", () => {
    const { slices } = rowStructure(pipelineOf({}, ["device"]), 3, { device: label("tv", "web", "tv") });
    expect(slices).toEqual([{ column: "device", codes: Int32Array.of(0, 1, 0), values: ["tv", "web"] }]);
  });

  test("is refused if it cannot be judged by", () => {
    expect(() => rowStructure(pipelineOf({ group: ["user"] }), 2, { user: label("a", "a") })).toThrow(
      "all held-out rows have the same value of user, so there is only one group to judge by; choose another data.group",
    );
    const many = label(...Array.from({ length: 201 }, (_, i) => `${i}`));
    expect(() => rowStructure(pipelineOf({}, ["id"]), 201, { id: many })).toThrow("column id has 201 values");
  });
});

import { expect, test } from "vitest";
import type { Table } from "../../../../services/data/table/table.ts";
import { encodeDataset } from "../../../../services/learning/dataset/encoded-dataset.ts";
import { component } from "../../../helpers/linear-pipelines.ts";

const classifier = (classes: readonly string[]) =>
  component({
    name: "c",
    columns: ["x"],
    target: "label",
    loss: "cross-entropy",
    output: { name: "p", width: 2, meaning: "probabilities", classes },
  });
const none: Table = { rows: 3, columns: {} };
const table: Table = {
  rows: 3,
  columns: {
    x: { kind: "numeric", width: 1, values: Float32Array.from([1, 2, 3]) },
    label: { kind: "categorical", width: 1, codes: Int32Array.from([0, 1, 0]), dictionary: ["no", "yes"] },
  },
};

test("classes keep the order of the pipeline file, regardless of their texts", async () => {
  expect([...(await encodeDataset(classifier(["yes", "no"]), table, none)).target.values]).toEqual([0, 1, 1, 0, 0, 1]);
  expect([...(await encodeDataset(classifier(["no", "yes"]), table, none)).target.values]).toEqual([1, 0, 0, 1, 1, 0]);
});

test("a class that the pipeline file does not name is rejected", async () => {
  await expect(encodeDataset(classifier(["yes", "perhaps"]), table, none)).rejects.toThrow(
    'c: target column label contains "no", which is not in output.classes',
  );
});

import { expect, test } from "vitest";
import { parseGateFile } from "../../../../services/pipeline/files/gate-file.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";

const parse = (text: string) => parseGateFile(text, "gate.yaml", twoComponents);

test("the key gate is read, and no other", () => {
  expect(parse("gate: {}")).toEqual({ gate: DEFAULT_GATE });
  expect(parse("pipeline: other\ncomponents: 3\ngate: { mode: enforce, margin: 2 %, hold: [u] }")).toEqual({
    gate: { ...DEFAULT_GATE, mode: "enforce", margin: 0.02, transitionBudget: 0.02, hold: ["u"] },
  });
});

test("every problem is found, with its line", () => {
  expect(parse("components: {}")).toMatchObject({
    problems: [{ line: 1, message: expect.stringContaining("has no key `gate`") }],
  });
  expect(parse("gate:\n  horizon: 0\n")).toMatchObject({ problems: [{ line: 2, path: "gate.horizon" }] });
  expect(parse("gate:\n  hold: [x]\n  slices: [s]\n")).toMatchObject({
    problems: [
      { line: 2, message: expect.stringContaining('unknown component "x"; available: u, d') },
      { line: 3, message: expect.stringContaining("is not among the pipeline's slices") },
    ],
  });
  expect(parse("gate: {")).toMatchObject({ problems: [{ message: expect.stringContaining("invalid YAML") }] });
  expect(parse("")).toMatchObject({ problems: [{ message: "the file is empty" }] });
});

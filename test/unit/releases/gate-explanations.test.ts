import { expect, test } from "vitest";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import { GATE_KEYS, GATE_RULES } from "../../../services/releases/gate-explanations.ts";

const parse = (keys: string) =>
  parsePipelineFile(
    `pipeline: p
data: { source: synthetic, generator: two-stage, rows: 100 }
components:
  m1: { columns: [x], output: { name: y }, target: t }
${keys}`,
    "p.yaml",
  );

test("every key of a gate is explained, in the order in which files are told of them", () => {
  const result = parse("gate: { nothing: 1 }\n");
  const [problem] = "problems" in result ? result.problems : [];
  expect(problem?.message).toBe(`unknown key; available: ${GATE_KEYS.map(({ key }) => key).join(", ")}`);
  expect(GATE_KEYS).toHaveLength(Object.keys(DEFAULT_GATE).length);
});

test("the examples in the rules are valid", () => {
  const examples = GATE_RULES.flatMap((rule) => /^(?:freeze|webhooks): \[.*?\}\]/.exec(rule)?.[0] ?? []);
  expect(examples).toHaveLength(2);
  // Lists in flow style need quotes around a colon in their values, where nothing follows it but a slash.
  for (const example of examples) expect(parse(`${example}\n`)).toHaveProperty("pipeline");
});

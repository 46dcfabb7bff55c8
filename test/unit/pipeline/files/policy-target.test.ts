import { describe, expect, test } from "vitest";
import { type ParsedPipeline, parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../../../../services/pipeline/files/schema-checks.ts";

const ADS = `pipeline: ads
data: { source: synthetic, generator: policy, rows: 2000 }
components:
  m1: { columns: [x1], output: { name: z, width: 3 }, target: z }
  m2:
    columns: [x2]
    upstream: [m1]
    output: { name: p, width: 4, meaning: probabilities }
    target: { action: action, reward: reward, propensity: propensity }
`;

function parse(text: string): ParsedPipeline | readonly string[] {
  const result = parsePipelineFile(text, "p.yaml");
  return "problems" in result ? result.problems.map(formatProblem) : result;
}

function parsed(text: string): ParsedPipeline {
  const result = parse(text);
  if (!("pipeline" in result)) throw new Error(result.join("\n"));
  return result;
}

describe("a component that chooses actions", () => {
  test("has the loss policy if its target names logged actions", () => {
    expect(parsed(ADS).pipeline.components[1]).toEqual({
      name: "m2",
      columns: ["x2"],
      upstream: ["m1"],
      output: { name: "p", width: 4, meaning: "probabilities" },
      loss: "policy",
      target: "reward",
      logged: { action: "action", propensity: "propensity" },
    });
  });

  test("can have the reward of every action as target if the file sets the loss policy", () => {
    const text = ADS.replace(/target: \{.*/, "target: rewards\n    loss: policy");
    expect(parsed(text).pipeline.components[1]).toMatchObject({ loss: "policy", target: "rewards" });
  });

  test.each([
    ["propensity: propensity }", "propensityy: propensity }", /p\.yaml:9: components\.m2\.target.*propensity/],
    ["meaning: probabilities", "meaning: real", /components\.m2\.loss: policy requires an output of probabilities/],
    [
      "propensity: propensity }",
      "propensity: propensity }\n    loss: cross-entropy",
      /must be policy for a target of logged actions, not cross-entropy/,
    ],
    ["columns: [x2]", "columns: [x2, propensity]", /"propensity" is the target of m2 itself/],
    ["columns: [x1]", "columns: [x1, action]", /"action" is the target of m2/],
  ])("is rejected with %s as %s", (from, to, message) => {
    const problems = parse(ADS.replace(from, to));
    expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(message)]));
  });

  test("requires three columns in the data: single numbers, or strings with classes for the action", () => {
    const column = (name: string, width = 1, kind: "numeric" | "categorical" = "numeric") => ({ name, kind, width });
    const inputs = [column("x1", 10), column("x2", 5), column("z", 3)];
    const problems = (...columns: ReturnType<typeof column>[]) =>
      checkPipelineAgainstSchema(parsed(ADS), [...inputs, ...columns]).map(formatProblem);
    expect(problems(column("action"), column("reward"), column("propensity"))).toEqual([]);
    expect(problems(column("action"), column("reward", 4), column("propensit"))).toEqual([
      'p.yaml:9: components.m2.target.reward: "reward" must have one number per row',
      'p.yaml:9: components.m2.target.propensity: the data has no column "propensity"; available: x1, x2, z, action, reward, propensit; did you mean "propensit"?',
    ]);
    expect(problems(column("action", 1, "categorical"), column("reward"), column("propensity"))).toEqual([
      'p.yaml:9: components.m2.target.action: "action" is categorical; list its values in output.classes, in the order of the coordinates',
    ]);
  });
});

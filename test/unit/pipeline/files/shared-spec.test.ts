import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import { formatProblem } from "../../../../services/pipeline/files/problem.ts";
import { sharedContract, sharedNamesIn, withSharedBlock } from "../../../../services/pipeline/files/shared-block.ts";
import { checkSharedBetween } from "../../../../services/pipeline/files/shared-checks.ts";
import { checkTeamAgainstPipeline, parseTeamFile } from "../../../../services/pipeline/files/team-file.ts";
import { contentOf } from "../../../../services/pipeline/pipeline-content.ts";

const DATA = "data: { source: synthetic, generator: two-stage, seed: 7, rows: 2000, test_fraction: 0.5 }";
const ADS = `pipeline: ads
${DATA}
components:
  user: { columns: [x1], output: { name: u, width: 2, meaning: real }, target: z }
  click: { columns: [x2], upstream: [user], output: { name: p, meaning: probabilities, classes: [no, yes] }, target: c }
  bid:
    upstream: [click]
    output: { name: b, width: 2, meaning: probabilities }
    target: { action: a, reward: r, propensity: q }
objective: bid
`;
const USING = `pipeline: shop
${DATA}
components:
  visitor: { from: ads/user }
  ctr: { from: ads/click@7 }
  price: { upstream: [ctr], output: { name: y, meaning: scalar }, target: y }
`;

function read(text: string) {
  const parsed = parsePipelineFile(text, "p.yaml");
  if ("problems" in parsed) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed.pipeline;
}

const problems = (text: string) => {
  const parsed = parsePipelineFile(text, "p.yaml");
  return "problems" in parsed ? parsed.problems.map(formatProblem) : [];
};

/** As `uncouple pipeline lock` does. */
function lock(text: string, ...owners: readonly string[]): string {
  const contents = new Map(owners.map((owner) => [read(owner).name, contentOf(read(owner))]));
  const contracts = new Map<string, Readonly<Record<string, unknown>>>();
  for (const origin of sharedNamesIn(text, "p.yaml")) {
    const contract = sharedContract(contents.get(origin.pipeline) ?? {}, origin);
    if (contract !== undefined) contracts.set(`${origin.pipeline}/${origin.component}`, contract);
  }
  return withSharedBlock(text, contracts);
}

describe("components of other pipelines", () => {
  test("have the contracts that lock has written, with the names of this file", () => {
    const { components } = read(lock(USING, ADS));
    const owners = read(ADS).components;
    expect(components).toEqual([
      { ...owners[0], name: "visitor", from: { pipeline: "ads", component: "user" } },
      { ...owners[1], name: "ctr", upstream: ["visitor"], from: { pipeline: "ads", component: "click", serial: 7 } },
      expect.objectContaining({ name: "price", upstream: ["ctr"] }),
    ]);
  });

  test("can choose logged actions", () => {
    const using = USING.replace("ctr: { from: ads/click@7 }", "ctr: { from: ads/click }\n  act: { from: ads/bid }");
    expect(read(`${lock(using, ADS)}`.replace("\n\n", "\nobjective: price\n")).components).toContainEqual({
      ...read(ADS).components[2],
      name: "act",
      upstream: ["ctr"],
      from: { pipeline: "ads", component: "bid" },
    });
  });

  test("can read what their owner uses from a third pipeline, where it comes from", () => {
    const middle = lock(USING, ADS).replace("shop", "middle").replace("@7", "");
    const using = `pipeline: last\n${DATA}\ncomponents:\n  price: { from: middle/price }\n`;
    expect(problems(lock(using, middle))).toEqual([
      "p.yaml:4: components.price.from: middle/price reads ads/click; add a component with `from: ads/click`",
    ]);
    const whole = `${using}  c: { from: ads/click }\n  u: { from: ads/user }\n`;
    expect(read(lock(whole, middle, ADS)).components.map(({ name, upstream }) => [name, upstream])).toEqual([
      ["u", []],
      ["c", ["u"]],
      ["price", ["c"]],
    ]);
  });

  test("that depend on a component of this pipeline read it, and a cycle is found", () => {
    const middle = lock(USING, ADS).replace("shop", "middle").replace("@7", "");
    const back = ADS.replace("columns: [x1],", "columns: [x1], upstream: [price],").replace(
      "components:",
      "components:\n  price: { from: middle/price }",
    );
    expect(problems(lock(back, middle))).toEqual([
      "p.yaml:4: components.price.upstream[0]: the components form a cycle: price <- click <- user <- price",
    ]);
  });

  test("get new contracts in place of the old ones, and everything else of the file stays", () => {
    const once = lock(USING, ADS);
    expect(once.startsWith(USING)).toBe(true);
    expect(lock(once, ADS)).toBe(once);
    const changed = lock(once, ADS.replace("width: 2, meaning: real", "width: 3, meaning: real"));
    expect(changed).toContain('"width":3');
    expect(lock(USING.replace(/ {2}(visitor|ctr): .*\n/g, "").replace("[ctr]", "[price2]"), ADS)).not.toContain(
      "shared:",
    );
    expect(() => withSharedBlock(`${USING}shared: {}\n`, new Map())).toThrow("`uncouple pipeline lock` did not write");
  });

  const using = lock(USING, ADS);
  test.each([
    [
      "no contract",
      USING,
      "components.visitor.from: the contract of ads/user is not in this file; run `uncouple pipeline lock ",
    ],
    [
      "no pipeline",
      using.replace("ads/user }", "user }"),
      'components.visitor.from: must be PIPELINE/COMPONENT or PIPELINE/COMPONENT@SERIAL, not "user"',
    ],
    [
      "serial 0",
      using.replace("click@7", "click@0"),
      'components.ctr.from: must be PIPELINE/COMPONENT or PIPELINE/COMPONENT@SERIAL, not "ads/click@0"',
    ],
    [
      "capitals",
      using.replace("ads/user }", "Ads/user }"),
      'components.visitor.from: must be PIPELINE/COMPONENT or PIPELINE/COMPONENT@SERIAL, not "Ads/user"',
    ],
    ["a number", using.replace("ads/user }", "7 }"), "components.visitor.from: must be a string, not 7"],
    [
      "this pipeline",
      using.replace("ads/user }", "shop/ctr }"),
      "components.visitor.from: shop/ctr is a component of this pipeline; name it in `upstream`",
    ],
    [
      "other keys",
      using.replace("ads/user }", "ads/user, loss: mse }"),
      "components.visitor.loss: remove it: a component with `from` has its contract under `shared`",
    ],
    [
      "a missing upstream",
      using.replace("  visitor: { from: ads/user }\n", ""),
      "components.ctr.from: ads/click reads ads/user; add a component with `from: ads/user`",
    ],
    [
      "an unused contract",
      using.replace("  visitor: { from: ads/user }\n", ""),
      'shared["ads/user"]: no component has `from: ads/user`',
    ],
    [
      "a contract that is no mapping",
      using.replace(/ads\/user: \{.*\}/, "ads/user: 7"),
      'shared["ads/user"]: must be a mapping (key: value), not 7',
    ],
    [
      "a contract without output",
      using.replace(/"output":\{"name":"u".*?\},/, ""),
      "components.visitor.output: is missing; must be a mapping (key: value)",
    ],
    [
      "an unknown key in a contract",
      using.replace('{"columns":["x1"]', '{"colums":["x1"]'),
      'components.visitor.colums: unknown key; available: columns, upstream, output, target, loss, data; did you mean "columns"?',
    ],
    [
      "a list of contracts",
      using.replace(/shared:\n.*\n.*\n/, "shared: [7]\n"),
      "shared: must be a mapping (key: value), not a list",
    ],
  ])("with %s are refused with the line", (_, text, message) => {
    const lines = problems(text);
    expect(lines.join("\n")).toContain(`: ${message}`);
    for (const line of lines) expect(line).toMatch(/^p\.yaml:\d+: /);
  });

  test("are checked against the files of their owners, if these are given, too", () => {
    const between = (...texts: readonly string[]) => {
      const files = texts.map((text, index) => {
        const parsed = parsePipelineFile(text, `${index}.yaml`);
        if ("problems" in parsed) throw new Error(parsed.problems.map(formatProblem).join("\n"));
        return parsed;
      });
      return checkSharedBetween(files).map(formatProblem);
    };
    expect(between(using)).toEqual([]);
    expect(between(using, ADS)).toEqual([]);
    expect(between(using, ADS.replace("target: z", "target: w"))).toEqual([
      '0.yaml:4: components.visitor.from: `target` is "w" in pipeline ads, but "z" here; run `uncouple pipeline lock 0.yaml`',
    ]);
    const mutual = (name: string, other: string) =>
      `pipeline: ${name}\n${DATA}\ncomponents:\n  x: { from: ${other}/x }\nshared:\n  ${other}/x: { columns: [x1], output: { name: u }, target: z }\n`;
    expect(between(mutual("a", "b"), mutual("b", "a"))).toEqual([
      "0.yaml:4: components.x.from: depends on itself through other pipelines: a/x <- b/x <- a/x",
      "1.yaml:4: components.x.from: depends on itself through other pipelines: a/x <- b/x <- a/x",
    ]);
  });

  test("have no teams here", () => {
    const team = parseTeamFile("component: ctr\nmodel: linear\n", "t.yaml");
    if (!("team" in team)) throw new Error("not a team file");
    expect(checkTeamAgainstPipeline(team, read(using), new Set()).map(formatProblem)).toEqual([
      "t.yaml:1: component: ctr is ads/click@7; pipeline ads trains it",
    ]);
  });
});

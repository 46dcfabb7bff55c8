import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePipelineFile } from "../../../services/pipeline/files/pipeline-file.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import { changesBetween, classOf } from "../../../services/pipeline/pipeline-changes.ts";
import { contentOf, digestOf, type PipelineContent } from "../../../services/pipeline/pipeline-content.ts";

const BASE = `pipeline: ads
data: { source: file, path: ads.csv, key: impression, test_fraction: 0.25, max_bad_fraction: 0.01 }
components:
  click: { columns: [age, hour], output: { name: p, meaning: probabilities, classes: [no, yes] }, target: clicked }
  revenue: { columns: [price], upstream: [click], output: { name: r, width: 1, meaning: scalar }, target: revenue, loss: mse }
objective: revenue
audit: { rows: 100, columns: [clicked] }
`;

function content(text: string): PipelineContent {
  const parsed = parsePipelineFile(text, "p.yaml");
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  return contentOf(parsed.pipeline);
}

const base = content(BASE);
const added = "  extra: { columns: [layout], output: { name: e }, target: revenue }\nobjective";

describe("classes of changes", () => {
  test.each([
    ["a tolerance", "compatible", "max_bad_fraction: 0.01", "max_bad_fraction: 0.02", "data.maxBadFraction"],
    ["keys in verdicts", "additive", "max_bad_fraction", "expose_keys: true, max_bad_fraction", "data.exposeKeys"],
    ["a new component", "additive", "objective", added, "components.extra"],
    ["the order of columns", "additive", "[age, hour]", "[hour, age]", "components.click.columns"],
    ["more audited rows", "additive", "rows: 100", "rows: 200", "audit.rows"],
    ["more audited columns", "additive", "columns: [clicked]", "columns: [clicked, age]", "audit.columns"],
    ["annotated held-out rows", "additive", "rows: 100", "held_out: 50, rows: 100", "audit.heldOut"],
    ["fewer audited rows", "breaking", "rows: 100", "rows: 50", "audit.rows"],
    ["a column more", "breaking", "[age, hour]", "[age, hour, device]", "components.click.columns"],
    ["a column less", "breaking", "[age, hour]", "[age]", "components.click.columns"],
    ["an upstream edge", "breaking", "upstream: [click], ", "", "components.revenue.upstream"],
    ["the name of an output", "breaking", "name: r", "name: rr", "components.revenue.output.name"],
    ["the meaning of an output", "breaking", "meaning: scalar", "meaning: real", "components.revenue.output.meaning"],
    ["the order of classes", "breaking", "[no, yes]", "[yes, no]", "components.click.output.classes"],
    ["a target", "breaking", "target: revenue", "target: profit", "components.revenue.target"],
    ["the objective", "breaking", "objective: revenue", "objective: click", "objective"],
    ["the key of the split", "breaking", "key: impression", "key: user", "data.key"],
    ["the held-out fraction", "breaking", "test_fraction: 0.25", "test_fraction: 0.3", "data.testFraction"],
    ["preprocessing", "breaking", "key:", 'query: "select * from source", key:', "data.query"],
  ])("%s: %s", (_, kind, from, to, path) => {
    expect(BASE).toContain(from);
    const changes = changesBetween(base, content(BASE.replace(from, to)));
    expect(changes.map((change) => [change.path, change.class])).toEqual([[path, kind]]);
    expect(classOf(changes)).toBe(kind);
  });

  test("the width of an output, of values with another meaning", () => {
    const wide = content(BASE.replace("width: 1, meaning: scalar", "width: 2, meaning: real"));
    expect(changesBetween(base, wide).map(({ path, class: kind }) => [path, kind])).toEqual([
      ["components.revenue.output.meaning", "breaking"],
      ["components.revenue.output.width", "breaking"],
    ]);
  });

  test("several objectives instead of one, and their weights", () => {
    const several = content(BASE.replace("objective: revenue", "objective: { revenue: 1, click: 0.2 }"));
    expect(changesBetween(base, several).map(({ path, class: kind }) => [path, kind])).toEqual([
      ["objective", "breaking"],
      ["objective.click", "breaking"],
      ["objective.revenue", "breaking"],
    ]);
    const heavier = content(BASE.replace("objective: revenue", "objective: { click: 0.3, revenue: 1 }"));
    const [change, ...others] = changesBetween(several, heavier);
    expect(change).toMatchObject({ path: "objective.click", before: 0.2, after: 0.3, class: "breaking" });
    expect(change?.effect).toContain("another sum of components' losses");
    expect(others).toEqual([]);
  });

  test("a loss, with the target that it needs", () => {
    const logged = BASE.replace("target: clicked", "target: { action: a, reward: clicked, propensity: q }");
    expect(changesBetween(base, content(logged)).map(({ path, class: kind }) => [path, kind])).toEqual([
      ["components.click.logged.action", "breaking"],
      ["components.click.logged.propensity", "breaking"],
      ["components.click.loss", "breaking"],
    ]);
  });

  test("no audit before: additive; no audit any more: breaking", () => {
    const without = content(BASE.replace(/audit: .*\n/, ""));
    expect(classOf(changesBetween(without, base))).toBe("additive");
    expect(classOf(changesBetween(base, without))).toBe("breaking");
  });

  test("a change of an output names everything that no longer fits", () => {
    const [change] = changesBetween(base, content(BASE.replace("name: p,", "name: q,")));
    expect(change?.effect).toContain("click and revenue no longer fit");
  });

  test("a setting of a later version is breaking, and what is kept is compatible", () => {
    expect(classOf(changesBetween(base, { ...base, fairness: { limit: 1 } }))).toBe("breaking");
    expect(classOf(changesBetween(base, { ...base, retention: { keep: 8 } }))).toBe("compatible");
    for (const change of [{ verdict: { minimumEffect: 0.01 } }, { slices: ["device"] }]) {
      expect(classOf(changesBetween(base, { ...base, ...change }))).toBe("additive");
    }
    for (const change of [{ freeze: [{ fromMinute: 0, toMinute: 60 }] }, { webhooks: [{ url: "https://a.org" }] }]) {
      expect(classOf(changesBetween(base, { ...base, ...change }))).toBe("compatible");
    }
    const data = { ...(base.data as object), group: ["user"] };
    expect(classOf(changesBetween(base, { ...base, data }))).toBe("breaking");
    const components = base.components as Readonly<Record<string, object>>;
    const later = { ...components, click: { ...components.click, constructor: 1 } };
    expect(classOf(changesBetween(base, { ...base, components: later }))).toBe("breaking");
  });

  test("a gate is additive, as verdicts are of other rows then; another one is compatible, and its split waits", () => {
    const gated = { ...base, gate: DEFAULT_GATE };
    expect(classOf(changesBetween(base, gated))).toBe("additive");
    expect(classOf(changesBetween(gated, base))).toBe("compatible");
    const other = { ...gated, gate: { ...DEFAULT_GATE, mode: "enforce", margin: 0.02, split: [0.6, 0.2, 0.2] } };
    const changes = changesBetween(gated, other);
    expect(classOf(changes)).toBe("compatible");
    expect(changes.map(({ path }) => path)).toEqual(["gate.margin", "gate.mode", "gate.split"]);
    expect(changes.at(-1)?.effect).toMatch(/^takes effect with the next generation of held-out rows/);
  });
});

describe("any two contents", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 });
  const component = fc.record({
    columns: names,
    upstream: names,
    output: fc.record(
      { name: fc.constantFrom("y", "z"), width: fc.integer({ min: 1, max: 2 }), classes: names },
      { requiredKeys: ["name", "width"] },
    ),
    loss: fc.constantFrom("mse", "policy"),
    logged: fc.option(fc.record({ action: fc.constantFrom("a", "b") }), { nil: undefined }),
  });
  const contents: fc.Arbitrary<PipelineContent> = fc.record(
    {
      name: fc.constant("demo"),
      components: fc.dictionary(fc.constantFrom("m1", "m2", "constructor"), component),
      objective: fc.constantFrom<unknown>("m1", "m2", { m1: 1, m2: 0.5 }, { m2: 0.5, m1: 1 }, { m1: 2, m2: 0.5 }),
      data: fc.record(
        {
          seed: fc.nat(2),
          maxBadFraction: fc.constantFrom(0, 0.5),
          parameters: fc.dictionary(fc.constantFrom("a"), fc.nat(1)),
        },
        { requiredKeys: ["seed"] },
      ),
      audit: fc.record({ rows: fc.nat(2), columns: names }),
      later: fc.jsonValue({ maxDepth: 2 }),
    },
    { requiredKeys: ["name", "components", "objective", "data"] },
  );

  test("have changes exactly if their digests differ, the same in both directions", () => {
    fc.assert(
      fc.property(contents, contents, (before, after) => {
        const changes = changesBetween(before, after);
        expect(changes.length === 0).toBe(digestOf(before) === digestOf(after));
        expect(changesBetween(after, before).map(({ path }) => path)).toEqual(changes.map(({ path }) => path));
        expect(classOf(changes) === undefined).toBe(changes.length === 0);
      }),
    );
  });

  test("differ by breaking changes if one has a component less", () => {
    fc.assert(
      fc.property(contents, contents, (before, after) => {
        const lost = Object.keys(before.components as object).filter(
          (name) => !Object.hasOwn(after.components as object, name),
        );
        const changes = changesBetween(before, after);
        for (const name of lost) {
          expect(changes).toContainEqual(expect.objectContaining({ path: `components.${name}`, class: "breaking" }));
        }
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentOf, type PipelineContent } from "../../../services/pipeline/pipeline-content.ts";
import { originName, parseFrom } from "../../../services/pipeline/shared.ts";
import { disagreement, findSharedCycle, type SharedComponent } from "../../../services/pipeline/shared-components.ts";
import { component, pipelineOf } from "../../helpers/linear-pipelines.ts";

interface Node {
  readonly pipeline: number;
  readonly upstream: readonly number[];
  /** The node that it is from, if any. */
  readonly from: number | null;
}

const SIZE = 8;
/** Components of three pipelines: each reads some of its own pipeline, or is from another pipeline. */
const nodes: fc.Arbitrary<readonly Node[]> = fc.array(
  fc.record({
    pipeline: fc.nat(2),
    upstream: fc.uniqueArray(fc.nat(SIZE - 1), { maxLength: 2 }),
    from: fc.option(fc.nat(SIZE - 1), { freq: 2 }),
  }),
  { minLength: SIZE, maxLength: SIZE },
);

const nameOf = (all: readonly Node[], index: number) => `p${all[index]?.pipeline}/c${index}`;
const isFrom = (all: readonly Node[], { pipeline, from }: Node) => from !== null && all[from]?.pipeline !== pipeline;
/** What a component depends on directly. */
const edgesOf = (all: readonly Node[], node: Node): readonly number[] => [
  ...node.upstream.filter((other) => all[other]?.pipeline === node.pipeline),
  ...(node.from !== null && isFrom(all, node) ? [node.from] : []),
];

function filesOf(all: readonly Node[]): ReadonlyMap<string, PipelineContent> {
  const files = new Map<string, { components: Record<string, object> }>();
  for (const [index, node] of all.entries()) {
    const file = files.get(`p${node.pipeline}`) ?? { components: {} };
    files.set(`p${node.pipeline}`, file);
    file.components[`c${index}`] = {
      upstream: node.upstream.filter((other) => all[other]?.pipeline === node.pipeline).map((other) => `c${other}`),
      ...(node.from !== null &&
        isFrom(all, node) && { from: { pipeline: `p${all[node.from]?.pipeline}`, component: `c${node.from}` } }),
    };
  }
  return files;
}

/** Whether a component depends on itself, by following every dependency. */
function dependsOnItself(all: readonly Node[], start: number): boolean {
  const reached = new Set<number>();
  const waiting = [start];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const next of edgesOf(all, all[at] as Node)) {
      if (next === start) return true;
      if (!reached.has(next)) waiting.push(next);
      reached.add(next);
    }
  }
  return false;
}

describe("findSharedCycle", () => {
  test("finds a cycle exactly if a component depends on itself through any pipelines", () => {
    let cycles = 0;
    let through = 0;
    fc.assert(
      fc.property(nodes, (all) => {
        const cycle = findSharedCycle(filesOf(all));
        const expected = all.some((_, index) => dependsOnItself(all, index));
        expect(cycle !== undefined).toBe(expected);
        if (cycle === undefined) return;
        cycles++;
        if (new Set(cycle.map((name) => name.split("/")[0])).size > 1) through++;
        expect(cycle.at(0)).toBe(cycle.at(-1));
        for (const [index, name] of cycle.slice(0, -1).entries()) {
          const at = all.findIndex((_, node) => nameOf(all, node) === name);
          const reads = edgesOf(all, all[at] as Node).map((node) => nameOf(all, node));
          expect(reads).toContain(cycle[index + 1]);
        }
      }),
      { numRuns: 500, seed: 7 },
    );
    expect(cycles).toBeGreaterThan(100);
    expect(through).toBeGreaterThan(20);
  });

  test("what is not known has no edges", () => {
    expect(
      findSharedCycle(
        new Map([["u", { components: { x: { upstream: [], from: { pipeline: "ads", component: "x" } } } }]]),
      ),
    ).toBeUndefined();
    expect(findSharedCycle(new Map([["u", {}]]))).toBeUndefined();
  });
});

describe("disagreement", () => {
  const mine: SharedComponent = {
    ...component({ name: "a", columns: ["x", "w"] }),
    from: { pipeline: "ads", component: "u" },
  };
  const user = { name: "shop", content: contentOf({ ...pipelineOf([mine], "a"), name: "shop" }) };
  const content = (change: Partial<SharedComponent>) => {
    const { from: _, ...theirs } = mine;
    return contentOf({ ...pipelineOf([{ ...theirs, name: "u", ...change }], "u"), name: "ads" });
  };

  test("ignores the order of inputs", () => {
    expect(disagreement(mine, user, content({ columns: ["w", "x"] }))).toBeUndefined();
  });

  test.each([
    [{ columns: ["x"] }, '`columns` is ["x"] in pipeline ads, but ["w","x"] here'],
    [{ upstream: ["v"] }, '`upstream` is ["ads/v"] in pipeline ads, but [] here'],
    [{ output: { ...mine.output, name: "b" } }, '`output.name` is "b" in pipeline ads, but "a-out" here'],
    [
      { output: { ...mine.output, classes: ["n", "y"] } },
      '`output.classes` is ["n","y"] in pipeline ads, but not set here',
    ],
    [{ loss: "policy" as const }, '`loss` is "policy" in pipeline ads, but "mse" here'],
    [{ target: "z" }, '`target` is "z" in pipeline ads, but "y" here'],
    [{ name: "v" }, "pipeline ads has no component u any more"],
  ])("names what differs: %j", (change, message) => {
    expect(disagreement(mine, user, content(change))).toBe(message);
  });

  test("an owner without a file", () => {
    expect(disagreement(mine, user, undefined)).toBe("pipeline ads has applied no pipeline file");
  });
});

test("names of shared components are read as they are written", () => {
  for (const text of ["ads/click", "ads/click@7", "a-1/b-2@999999999"]) {
    expect(originName(parseFrom(text) ?? { pipeline: "", component: "" })).toBe(text);
  }
  for (const text of [
    "",
    "ads",
    "ads/",
    "/click",
    "ads/click@",
    "ads/click@07",
    "a/b/c",
    "ads/click@7@8",
    "ads/click@1.5",
  ]) {
    expect(parseFrom(text), text).toBeUndefined();
  }
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import { searchSets } from "../../../../services/releases/sets/search-sets.ts";
import type { SearchDeps } from "../../../../services/releases/sets/search-space.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { component, pipelineOf, twoComponents } from "../../../helpers/linear-pipelines.ts";
import {
  lossesOf,
  plantWorld,
  type RowLosses,
  SHAPES,
  screenOf,
  shapedPipeline,
} from "../../../helpers/planted-worlds.ts";

const ENUMERATED = 20_000;
const CLIMBED = 600;
const chain = shapedPipeline(SHAPES.chain);
const namesOf = ({ components }: Pipeline) => components.map(({ name }) => name);
const onlyOnes = (pipeline: Pipeline): Composition => Object.fromEntries(namesOf(pipeline).map((name) => [name, 1]));

/** As many rows, all with the same loss. */
const constant = (loss: number, rows = 50) => new Float64Array(rows).fill(loss);

function search(rowLosses: RowLosses, change: Partial<SearchDeps> & { readonly pipeline: Pipeline }) {
  const { screen, asked, prepared } = screenOf(rowLosses);
  const found = searchSets({
    screen,
    release: onlyOnes(change.pipeline),
    movable: () => [2, 3, 4],
    trainedOn: () => ({}),
    margin: 0,
    budget: ENUMERATED,
    signal: new AbortController().signal,
    ...change,
  });
  return { found, asked, prepared };
}

describe("updates that only work together", () => {
  /** Good together; any part of them alone is worse than the release. */
  const together: Composition = { c1: 3, c2: 2, c4: 3 };
  const parts: RowLosses = (_, composition) => {
    const right = Object.entries(together).filter(([name, serial]) => composition[name] === serial).length;
    const others = Object.entries(composition).filter(([name, serial]) => serial !== 1 && together[name] !== serial);
    return constant((right === 3 ? 0.5 : 1 + 0.2 * right) + 0.01 * others.length);
  };

  test("three are found by the lineage of the last", async () => {
    const { found } = search(parts, {
      pipeline: chain,
      budget: CLIMBED,
      trainedOn: (name, serial): Composition => (name === "c4" && serial === 3 ? { c0: 1, c1: 3, c2: 2, c3: 1 } : {}),
    });
    expect(await found).toMatchObject({ moves: together, loss: 0.5, releaseLoss: 1, isExhaustive: false });
  });

  test("enumeration finds them without knowing lineages", async () => {
    expect(await search(parts, { pipeline: chain }).found).toMatchObject({ moves: together, isExhaustive: true });
  });

  test("two at the ends of an edge are found without lineages", async () => {
    const pair: RowLosses = (_, { c2, c3 }) =>
      constant(c2 === 4 && c3 === 2 ? 0.9 : 1 + Number(c2 !== 1) + Number(c3 !== 1));
    const { found } = search(pair, { pipeline: chain, budget: CLIMBED });
    expect(await found).toMatchObject({ moves: { c2: 4, c3: 2 }, isExhaustive: false });
  });
});

describe("decoys", () => {
  /** The newest of everything is better by every component's own loss, and makes the objective worse. */
  const decoy: RowLosses = (name, composition) => {
    const newest = Object.values(composition).filter((serial) => serial === 4).length;
    if (name !== "c5") return constant(1 - 0.9 * Number(composition[name] === 4));
    return constant(composition.c0 === 2 ? 0.8 + 0.1 * newest : 1 + 0.1 * newest);
  };
  const trainedOn = (_: string, serial: number): Composition =>
    serial === 4 ? { c0: 4, c1: 4, c2: 4, c3: 4, c4: 4 } : {};

  test.each([CLIMBED, ENUMERATED])(
    "a lineage that looks good by own losses is not taken (budget %i)",
    async (budget) => {
      const { found, asked } = search(decoy, { pipeline: chain, budget, trainedOn });
      expect(await found).toMatchObject({ moves: { c0: 2 }, loss: expect.closeTo(0.8) });
      expect(new Set(asked.map(({ component: name }) => name))).toEqual(new Set(["c5"]));
    },
  );

  test.each([1, 1.1])(
    "no set is found if nothing beats the release: all others have %f times its loss",
    async (factor) => {
      const others: RowLosses = (_, composition) =>
        constant(Object.values(composition).every((serial) => serial === 1) ? 1 : factor);
      expect(await search(others, { pipeline: chain, budget: CLIMBED, trainedOn }).found).toBeUndefined();
    },
  );
});

/** Components c0, c1, ... each reading some of those before it, and the serials that each may move to. */
const cases = fc
  .record({
    reads: fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 5 }),
    allowed: fc.array(fc.subarray([2, 3, 4]), { minLength: 5, maxLength: 5 }),
    seed: fc.nat(1000),
    budget: fc.integer({ min: 1, max: 200 }),
    margin: fc.constantFrom(0, 0.01, 0.2),
  })
  .map(({ reads, ...rest }) => ({
    ...rest,
    pipeline: shapedPipeline(
      reads.map((flags, index) => flags.flatMap((reading, other) => (reading && other < index ? [other] : []))),
    ),
  }));

test("what may not be chosen is never measured, whatever lineages say, and what is found is better than the release", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ pipeline, allowed, seed, budget, margin }) => {
      const world = plantWorld(pipeline, 4, seed);
      const movable = (name: string) => allowed[Number(name.slice(1))] as readonly number[];
      const { found, asked } = search(lossesOf(world), {
        pipeline,
        movable,
        trainedOn: world.trainedOn,
        budget,
        margin,
      });
      const set = await found;
      for (const { composition } of asked) {
        for (const [name, serial] of Object.entries(composition)) expect([1, ...movable(name)]).toContain(serial);
      }
      const different = new Set(asked.map(({ composition }) => JSON.stringify(composition)));
      if (set === undefined) return;
      expect(set.measured).toBe(different.size);
      expect(set.loss).toBeLessThan(set.releaseLoss);
      expect(Object.keys(set.moves).length).toBeGreaterThan(0);
      // Beyond the budget, only what makes the set minimal.
      expect(set.measured).toBeLessThanOrEqual(budget + pipeline.components.length ** 2);
    }),
    { numRuns: 50 },
  );
});

test("the same losses give the same set, measured in the same order", async () => {
  const world = plantWorld(chain, 4, 7);
  const run = async () => {
    const { found, asked } = search(lossesOf(world), { pipeline: chain, trainedOn: world.trainedOn, budget: CLIMBED });
    return { set: await found, asked };
  };
  expect(await run()).toEqual(await run());
});

test("compositions are prepared for the objectives before they are measured", async () => {
  const { found, asked, prepared } = search(lossesOf(plantWorld(chain, 4, 7)), { pipeline: chain, budget: CLIMBED });
  await found;
  const known = new Set(prepared.map((composition) => JSON.stringify(composition)));
  const [release, ...others] = asked.map(({ composition }) => composition);
  expect(release).toEqual(onlyOnes(chain));
  for (const composition of others) {
    expect(known.has(JSON.stringify(composition)) || JSON.stringify(composition) === JSON.stringify(release)).toBe(
      true,
    );
  }
});

describe("what has no loss", () => {
  const faulty: RowLosses = (_, { u, d }) => {
    if (u === 2 && d === 2) throw new SnapshotFault({ component: "d", serial: 2 }, "not-finite", "NaN", { u: 2 });
    return constant(u === 2 && d === 3 ? Number.NaN : 10 - (u as number) * (d as number));
  };

  test("is passed over", async () => {
    const { found } = search(faulty, { pipeline: twoComponents, movable: () => [2, 3] });
    expect(await found).toMatchObject({ moves: { u: 3, d: 3 }, loss: 1, measured: 9 });
    const restricted = search(faulty, { pipeline: twoComponents, movable: (name) => (name === "u" ? [2] : [2, 3]) });
    expect(await restricted.found).toMatchObject({ moves: { d: 3 }, loss: 7, measured: 6 });
  });

  test("a climb goes around it", async () => {
    const world = plantWorld(chain, 4, 3);
    const losses = lossesOf(world);
    const holes: RowLosses = (name, composition) => {
      if ((composition.c2 as number) + (composition.c3 as number) === 5) return constant(Number.POSITIVE_INFINITY);
      return losses(name, composition);
    };
    const climbed = await search(holes, { pipeline: chain, trainedOn: world.trainedOn, budget: CLIMBED }).found;
    const enumerated = await search(holes, { pipeline: chain }).found;
    expect(climbed?.moves).toEqual(enumerated?.moves);
  });

  test("no set is found against a release without a loss, or without a snapshot of a component", async () => {
    const release = { u: 2, d: 2 };
    expect(await search(faulty, { pipeline: twoComponents, release, movable: () => [3] }).found).toBeUndefined();
    expect(
      await search(faulty, { pipeline: twoComponents, release: { d: 1 }, movable: () => [2] }).found,
    ).toBeUndefined();
  });

  test("any other failure ends the search", async () => {
    const failing: RowLosses = (_, { u }) => {
      if (u === 2) throw new Error("the store is away");
      return constant(1);
    };
    await expect(search(failing, { pipeline: twoComponents, movable: () => [2] }).found).rejects.toThrow("away");
  });
});

test("an aborted search ends with the signal's reason, at once", async () => {
  const controller = new AbortController();
  const world = plantWorld(chain, 4, 1);
  let count = 0;
  const { found, asked } = search(
    (name, composition) => {
      if (++count === 40) controller.abort(new Error("enough"));
      return lossesOf(world)(name, composition);
    },
    { pipeline: chain, budget: CLIMBED, signal: controller.signal },
  );
  await expect(found).rejects.toThrow("enough");
  expect(asked).toHaveLength(40);
});

test("components that the pipeline loss does not depend on never move", async () => {
  const pipeline = pipelineOf(
    [component({ name: "u" }), component({ name: "d", upstream: ["u"] }), component({ name: "side", upstream: ["u"] })],
    "d",
  );
  const { found, asked } = search((_, { u, d }) => constant(10 - (u as number) - (d as number)), { pipeline });
  expect(await found).toMatchObject({ moves: { u: 4, d: 4 }, measured: 16 });
  expect(asked[0]?.composition).toEqual({ u: 1, d: 1 });
});

describe("the pipeline loss", () => {
  test("is the weighted sum of the objectives", async () => {
    const pipeline = pipelineOf([component({ name: "a" }), component({ name: "b" })], { a: 1, b: 3 });
    const losses: RowLosses = (name, composition) => constant(composition[name] === 1 ? 1 : name === "a" ? 0.5 : 0.9);
    expect(await search(losses, { pipeline, movable: () => [2] }).found).toMatchObject({
      moves: { a: 2, b: 2 },
      loss: expect.closeTo(0.5 + 2.7),
      releaseLoss: 4,
    });
  });

  const heavy: RowLosses = (_, { u }) =>
    Float64Array.from({ length: 100 }, (_, row) => (row < 2 && u === 2 ? 1000 : u === 2 ? 0.5 : 1));
  test("of a heavy tail is limited as verdicts limit it", async () => {
    const { found } = search(heavy, { pipeline: twoComponents, movable: (name) => (name === "u" ? [2] : []) });
    expect(await found).toBeUndefined();
    const pipeline = { ...twoComponents, verdict: { minimumEffect: 0, lossLimit: { quantile: 0.9 } } };
    const limited = search(heavy, { pipeline, movable: (name) => (name === "u" ? [2] : []) });
    expect(await limited.found).toMatchObject({ moves: { u: 2 }, loss: expect.closeTo(0.51), releaseLoss: 1 });
  });
});

describe("the smallest change", () => {
  /** u gains 1 of 10 on average; d gains a little more, on every other row by much and on the rest less than nothing. */
  const noisy: RowLosses = (_, { u, d }) =>
    Float64Array.from(
      { length: 100 },
      (_, row) => 10 - Number(u === 2) - (d === 2 ? 0.01 + (row % 2 === 0 ? 1 : -1) : 0),
    );
  const movable = () => [2];

  test("within one standard error of the best is taken", async () => {
    expect(await search(noisy, { pipeline: twoComponents, movable }).found).toMatchObject({ moves: { u: 2 }, loss: 9 });
  });

  test("beyond it is not", async () => {
    const clear: RowLosses = (name, composition) =>
      noisy(name, composition).map((loss) => loss - (composition.d === 2 ? 0.2 : 0));
    const both = { moves: { u: 2, d: 2 } };
    expect(await search(clear, { pipeline: twoComponents, movable }).found).toMatchObject(both);
    // Rows of a group count once.
    const codes = Int32Array.from({ length: 100 }, (_, row) => (row % 2) + 2 * Math.floor(row / 50));
    const { screen } = screenOf(clear, [{ codes, count: 4 }]);
    expect(await search(clear, { pipeline: twoComponents, movable, screen }).found).toMatchObject({ moves: { u: 2 } });
  });
});

describe("a minimal set", () => {
  const pipeline = shapedPipeline([[], [], [], [0, 1, 2]]);
  const movable = () => [2];
  /** What each member takes from the loss, the same on every row. */
  const gains: Readonly<Record<string, number>> = { c0: 10, c1: 0.8, c2: 0.8 };
  const additive: RowLosses = (_, composition) =>
    constant(Object.entries(gains).reduce((loss, [name, gain]) => loss - (composition[name] === 2 ? gain : 0), 100));

  test("has no member whose removal is not inferior by the margin", async () => {
    expect(await search(additive, { pipeline, movable, margin: 0 }).found).toMatchObject({
      moves: { c0: 2, c1: 2, c2: 2 },
    });
    expect(await search(additive, { pipeline, movable, margin: 0.02 }).found).toMatchObject({ moves: { c0: 2 } });
  });

  test("is compared with the best, so that what is dropped does not add up", async () => {
    const found = await search(additive, { pipeline, movable, margin: 0.01 }).found;
    expect(Object.keys(found?.moves ?? {})).toHaveLength(2);
    expect(found?.loss).toBeCloseTo(89.2);
  });

  test("still beats the release, and has a member", async () => {
    expect(
      await search(additive, { pipeline, movable: (name) => (name === "c1" ? [2] : []), margin: 0.5 }).found,
    ).toMatchObject({
      moves: { c1: 2 },
    });
    // Either alone is worse than the release, though by less than the margin.
    const pair: RowLosses = (_, { c0, c1 }) => constant(c0 === 2 && c1 === 2 ? 99 : 100 + Number(c0 !== c1));
    expect(await search(pair, { pipeline, movable, margin: 0.5 }).found).toMatchObject({ moves: { c0: 2, c1: 2 } });
  });

  test("rows too few for an interval drop nothing", async () => {
    const few: RowLosses = (name, composition) => additive(name, composition).slice(0, 20);
    expect(await search(few, { pipeline, movable, margin: 0.02 }).found).toMatchObject({
      moves: { c0: 2, c1: 2, c2: 2 },
    });
  });
});

test("a closed composition is not chosen, and the next best is", async () => {
  const losses: RowLosses = (_, { u, d }) => constant(u === 2 && d === 2 ? 0.5 : u === 3 && d === 3 ? 0.6 : 1);
  const isClosed = ({ u, d }: Composition) => u === 2 && d === 2;
  const open = search(losses, { pipeline: twoComponents, movable: () => [2, 3] });
  expect(await open.found).toMatchObject({ moves: { u: 2, d: 2 } });
  const closed = search(losses, { pipeline: twoComponents, movable: () => [2, 3], isClosed });
  expect(await closed.found).toMatchObject({ moves: { u: 3, d: 3 } });
});

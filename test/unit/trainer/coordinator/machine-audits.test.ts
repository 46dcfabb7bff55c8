import { describe, expect, test } from "vitest";
import { isAudited } from "../../../../services/trainer/coordinator/machine/audits.ts";
import { CoordinatorBench, notFinite, right, unitOf, wrong } from "../../../helpers/coordinator-bench.ts";

test("the share of audited units is the share asked for, and every trainer draws the same", () => {
  const drawn = Array.from({ length: 1_000 }, (_, i) => isAudited(0.1, unitOf(i % 4, { first: i })));
  expect(drawn.filter(Boolean).length / drawn.length).toBeCloseTo(0.1, 1);
  expect(drawn).toEqual(Array.from({ length: 1_000 }, (_, i) => isAudited(0.1, unitOf(i % 4, { first: i }))));
  expect([0, 1].map((share) => isAudited(share, unitOf(0)))).toEqual([false, true]);
});

test("an audited unit runs on two workers before it counts", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.admit("w2");
  bench.open(0);
  const [one, two] = [bench.take("w1"), bench.take("w2")];
  expect(bench.submit(one)).toBe("applied: it waits for a second run");
  expect(bench.finished()).toEqual([]);
  expect(bench.submit(two)).toBe("duplicate: another executor brought this result");
  expect(bench.finished()).toEqual(["0 right"]);
  expect(bench.counts()).toEqual({ leased: 2, applied: 1, duplicate: 1, audits: 1 });
});

test("the trainer audits the only worker, once its result is there", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  expect(bench.local()).toEqual([]);
  bench.submit(lease);
  expect(bench.ask("w1")).toBeUndefined();
  bench.run();
  expect(bench.finished()).toEqual(["0 right"]);
});

test("a held result outlives its worker", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.open(0);
  bench.submit(bench.take("w1"));
  bench.send({ type: "left", worker: "w1" });
  bench.run();
  expect(bench.counts()).toEqual({ leased: 2, applied: 1, duplicate: 1, audits: 1 });
});

test("of two digests the trainer's is right; the other worker is refused by name, with both digests as evidence", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.admit("w2");
  bench.open(0);
  const [one, two] = [bench.take("w1"), bench.take("w2")];
  bench.admit("w3");
  bench.submit(one, wrong);
  bench.submit(two, right);
  // No third worker may decide.
  expect(bench.ask("w3")).toBeUndefined();
  bench.run(right);
  expect(bench.finished()).toEqual(["0 right"]);
  const evidence = { unit: unitOf(0), expected: "right", got: "wrong" };
  expect(bench.notes()).toContainEqual({ kind: "quarantined", name: "w1", evidence });
  expect([...bench.state.quarantined]).toEqual([["w1", evidence]]);
  expect(bench.effects).toContainEqual({ type: "dismiss", worker: "w1", reason: "it returned a wrong result" });
  expect(bench.submit(one, right)).toBe("refused: the worker is quarantined");
  expect(bench.counts()).toMatchObject({ audits: 1, mismatches: 1, quarantined: 1, applied: 1, duplicate: 1 });
});

test("without the trainer, two workers that agree outvote the third", () => {
  const bench = new CoordinatorBench({ audit: 1, local: 0, fallback: "wait" });
  bench.join("w1");
  for (let i = 0; i < 2; i++) bench.submit(bench.ask("w1") as NonNullable<ReturnType<typeof bench.ask>>);
  bench.admit("w2");
  bench.admit("w3");
  bench.open(0);
  bench.submit(bench.take("w1"), wrong);
  bench.submit(bench.take("w2"), right);
  expect(bench.finished()).toEqual([]);
  bench.submit(bench.take("w3"), right);
  expect(bench.finished()).toEqual(["0 right"]);
  expect([...bench.state.quarantined.keys()]).toEqual(["w1"]);
});

test("what a quarantined worker brought to other open units is forgotten, and what it had in work is lost", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1", { parallel: 3 });
  bench.open(0, 1, 2);
  const [first, second] = [bench.take("w1"), bench.take("w1")];
  bench.take("w1");
  bench.submit(first, wrong);
  bench.submit(second, wrong);
  bench.run(right);
  expect(bench.finished()).toEqual(["0 right"]);
  // Of the result of slot 1 nothing is left: the trainer's alone would end it in any case, another worker's does not.
  expect([...bench.state.units.values()].map(({ slot, results }) => [slot, results.length])).toEqual([
    [1, 0],
    [2, 0],
  ]);
  bench.run(right);
  bench.run(right);
  expect(bench.finished()).toEqual(["0 right", "1 right", "2 right"]);
  expect(bench.counts()).toMatchObject({ leased: 6, applied: 3, refused: 2, lost: 1, quarantined: 1 });
});

describe("another digest after the end of a unit", () => {
  test("is wrong if the unit's result is proven", () => {
    const bench = new CoordinatorBench({ audit: 1 });
    bench.admit("w1");
    bench.admit("w2");
    bench.admit("w3");
    bench.open(0);
    const [one, two] = [bench.take("w1"), bench.take("w2")];
    bench.submit(one);
    bench.submit(two);
    const late = bench.submitUnit(unitOf(0), "7-1", "w3", wrong);
    expect(late).toBe("refused: the unit's result has the digest right, not wrong");
    expect([...bench.state.quarantined.keys()]).toEqual(["w3"]);
  });

  test("is an alarm if it is not: further units of both are audited until the liar is found", () => {
    const bench = new CoordinatorBench({ audit: 0 });
    bench.admit("w1");
    bench.admit("w2");
    bench.open(0, 1);
    const first = bench.take("w1");
    bench.send({ type: "left", worker: "none" });
    expect(bench.submit(first)).toBe("applied");
    expect(bench.submitUnit(unitOf(0), "7-1", "w2", wrong)).toMatch(/^refused: /);
    expect(bench.notes().at(-1)).toMatchObject({ kind: "mismatch", names: ["w1", "w2"] });
    expect(bench.state.quarantined.size).toBe(0);
    expect([...bench.state.suspects.keys()]).toEqual(["w1", "w2"]);
    expect(bench.submit(bench.take("w2"), wrong)).toBe("applied: it waits for a second run");
    bench.submit(bench.take("w1"), right);
    bench.run(right);
    expect([...bench.state.quarantined.keys()]).toEqual(["w2"]);
    expect(bench.finished()).toEqual(["0 right", "1 right"]);
  });

  test("ends the suspicion of a worker whose units are confirmed", () => {
    const bench = new CoordinatorBench({ audit: 0 });
    bench.admit("w1");
    bench.admit("w2");
    bench.open(0);
    bench.submit(bench.take("w1"));
    bench.submitUnit(unitOf(0), "7-1", "w2", wrong);
    bench.send({ type: "left", worker: "w2" });
    for (let slot = 1; slot <= 16; slot++) {
      bench.open(slot);
      bench.submit(bench.take("w1"));
      bench.run();
    }
    expect(bench.state.suspects.has("w1")).toBe(false);
    bench.open(17);
    expect(bench.submit(bench.take("w1"))).toBe("applied");
  });
});

test("a worker that contradicts itself is refused and suspected", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  bench.submit(lease);
  expect(bench.submit(lease)).toBe("duplicate: this result came before");
  expect(bench.submit(lease, wrong)).toBe("refused: it contradicts the worker's own result");
  expect(bench.counts()).toMatchObject({ mismatches: 1, duplicate: 1, refused: 1 });
});

describe("a result that is not finite", () => {
  test("is run again elsewhere; equal, the training diverged", () => {
    const bench = new CoordinatorBench();
    bench.admit("w1");
    bench.admit("w2");
    bench.open(0);
    expect(bench.submit(bench.take("w1"), notFinite)).toBe("applied: it waits for a second run");
    bench.submit(bench.take("w2"), notFinite);
    expect(bench.finished()).toEqual(["0 not finite"]);
    expect(bench.state.quarantined.size).toBe(0);
  });

  test("is a wrong one if the trainer finds another", () => {
    const bench = new CoordinatorBench();
    bench.admit("w1");
    bench.open(0);
    bench.submit(bench.take("w1"), notFinite);
    bench.run(right);
    expect(bench.finished()).toEqual(["0 right"]);
    expect([...bench.state.quarantined.keys()]).toEqual(["w1"]);
  });

  test("of the trainer itself counts at once", () => {
    const bench = new CoordinatorBench();
    bench.open(0);
    bench.run(notFinite);
    expect(bench.finished()).toEqual(["0 not finite"]);
  });

  test("raises no alarm where another one differs later", () => {
    const bench = new CoordinatorBench();
    bench.open(0);
    bench.admit("w1");
    bench.run(notFinite);
    expect(bench.submitUnit(unitOf(0), "7-9", "w1", wrong)).toBe("stale: the unit is over");
    expect(bench.counts()).not.toHaveProperty("mismatches");
  });
});

describe("tolerant", () => {
  test("digests may differ: no audits, and a later one is stale", () => {
    const bench = new CoordinatorBench({ numerics: "tolerant", audit: 1 });
    bench.admit("w1");
    bench.admit("w2");
    bench.open(0);
    expect(bench.submit(bench.take("w1"), wrong)).toBe("applied");
    expect(bench.submitUnit(unitOf(0), "7-9", "w2", right)).toBe("stale: the unit is over");
    expect(bench.finished()).toEqual(["0 wrong"]);
    expect(bench.counts()).toEqual({ leased: 2, applied: 1, stale: 1 });
  });

  test("a finite result counts instead of one that is not", () => {
    const bench = new CoordinatorBench({ numerics: "tolerant" });
    bench.admit("w1");
    bench.admit("w2");
    bench.open(0);
    bench.submit(bench.take("w1"), notFinite);
    bench.submit(bench.take("w2"), right);
    expect(bench.finished()).toEqual(["0 right"]);
    expect(bench.state.quarantined.size).toBe(0);
  });
});

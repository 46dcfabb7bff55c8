import { expect, test } from "vitest";
import { CoordinatorBench, right, unitOf, wrong } from "../../../helpers/coordinator-bench.ts";

test("a unit goes to the worker that asks, and its result is the unit's", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  expect(lease).toMatchObject({ id: "7-2", ...unitOf(0), engine: "wasm" });
  expect(bench.submit(lease)).toBe("applied");
  expect(bench.finished()).toEqual(["0 right"]);
  expect(bench.counts()).toEqual({ leased: 1, applied: 1 });
});

test("a worker that waits gets the unit when it is opened, and no more than twice what it runs at a time", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1", { parallel: 2 });
  for (let i = 0; i < 5; i++) expect(bench.ask("w1")).toBeUndefined();
  bench.open(0, 1, 2, 3, 4);
  const grants = bench.effects.filter((effect) => effect.type === "grant").slice(1);
  expect(grants.map(({ lease }) => lease.slot)).toEqual([0, 1, 2, 3]);
});

test("the end of a worker's beats gives its unit to the one that waits, in the same transition", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.admit("w2");
  bench.open(0);
  bench.take("w1");
  expect(bench.ask("w2")).toBeUndefined();
  const effects = bench.send({ type: "left", worker: "w1" });
  expect(effects).toContainEqual(
    expect.objectContaining({ type: "grant", lease: expect.objectContaining({ worker: "w2", slot: 0 }) }),
  );
  expect(bench.notes().at(-1)).toEqual({
    kind: "lost",
    worker: "w1",
    name: "w1",
    why: "its connection ended",
    units: 1,
  });
  expect(bench.counts()).toEqual({ leased: 2, lost: 1 });
});

test("a worker that ends between units has left, and was not lost", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.send({ type: "left", worker: "w1" });
  expect(bench.notes().at(-1)).toEqual({ kind: "left", worker: "w1", name: "w1" });
});

test("a worker without beats is given up after five seconds, and must join again", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  bench.take("w1");
  expect(bench.pass(4_500).filter(({ type }) => type !== "run-probe")).toEqual([]);
  expect(bench.pass(500)).toContainEqual({ type: "dismiss", worker: "w1", reason: "no beat for 5 s" });
  expect(bench.local()).toMatchObject([{ slot: 0 }]);
  expect(bench.send({ type: "asked", worker: "w1", request: "again" })).toEqual([{ type: "reject", request: "again" }]);
  expect(bench.send({ type: "beat", worker: "w1", units: [] })).toMatchObject([{ type: "dismiss", worker: "w1" }]);
});

test("a unit without progress goes to another although its worker beats, and work that grows keeps it", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.admit("w2");
  bench.open(0);
  const lease = bench.take("w1");
  const beat = (work: number) => {
    bench.at += 1_000;
    bench.send({ type: "beat", worker: "w1", units: [{ lease: lease.id, work }] });
    bench.send({ type: "beat", worker: "w2", units: [] });
    return bench.send({ type: "tick" });
  };
  for (let work = 1; work <= 20; work++) expect(beat(work)).toEqual([]);
  for (let i = 0; i < 4; i++) expect(beat(20)).toEqual([]);
  bench.ask("w2");
  expect(beat(20)).toEqual([
    { type: "abandon", worker: "w1", leases: [lease.id] },
    { type: "note", note: expect.objectContaining({ kind: "unit-lost", name: "w1", why: "no progress for 5 s" }) },
    expect.objectContaining({ type: "grant", lease: expect.objectContaining({ worker: "w2" }) }),
  ]);
});

test("a worker that did not finish pauses, longer each time, and is not waited for meanwhile", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  const failed = { kind: "failed", code: "unavailable", message: "no memory" } as const;
  expect(bench.submit(bench.take("w1"), failed)).toBe("refused: no memory");
  // The trainer takes over.
  expect(bench.local()).toMatchObject([{ slot: 0 }]);
  bench.run();
  bench.open(1);
  bench.run();
  bench.pass(900, "w1");
  bench.ask("w1");
  const before = bench.effects.length;
  bench.send({ type: "unit-opened", unit: unitOf(2) });
  expect(bench.effects.slice(before)).toMatchObject([{ type: "run" }]);
  bench.run();
  bench.pass(500, "w1");
  bench.send({ type: "unit-opened", unit: unitOf(3) });
  const grant = bench.effects.at(-1);
  if (grant?.type !== "grant") throw new Error("no grant");
  bench.submit(grant.lease, failed);
  expect(bench.state.workers.get("w1")).toMatchObject({ failures: 2, pausedUntil: bench.at + 2_000 });
});

test("beats tell a worker which leases are not its own any more", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  const units = [lease.id, "6-3"].map((id) => ({ lease: id, work: 1 }));
  expect(bench.send({ type: "beat", worker: "w1", units })).toEqual([
    { type: "abandon", worker: "w1", leases: ["6-3"] },
  ]);
});

test("a unit that is handed back goes to the next", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  bench.send({ type: "returned", worker: "w1", lease: lease.id });
  expect(bench.counts()).toEqual({ leased: 1, returned: 1 });
  expect(bench.take("w1").slot).toBe(0);
  // Twice changes nothing.
  bench.send({ type: "returned", worker: "w1", lease: lease.id });
  expect(bench.counts()).toEqual({ leased: 2, returned: 1 });
});

test("a result whose lease was given up counts as long as the unit is open", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.admit("w2");
  bench.open(0);
  const lost = bench.take("w1");
  bench.send({ type: "left", worker: "w1" });
  const second = bench.take("w2");
  expect(bench.submit(lost)).toBe("applied");
  expect(bench.effects).toContainEqual({ type: "abandon", worker: "w2", leases: [second.id] });
  expect(bench.counts()).toEqual({ leased: 3, lost: 1, applied: 1, stale: 1 });
  expect(bench.submit(second)).toBe("duplicate: the unit has this result");
  expect(bench.counts()).toEqual({ leased: 4, lost: 1, applied: 1, stale: 1, duplicate: 1 });
});

test("a result of another state, step, job or worker never counts", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  const lease = bench.take("w1");
  for (const over of [{ base: "other" }, { first: 10 }, { count: 9 }, { slot: 5 }, { job: "other" }]) {
    expect(bench.submitUnit(unitOf(0, over), lease.id, "w1")).toMatch(/^stale: /);
  }
  expect(bench.submitUnit(unitOf(0), lease.id, "w9")).toBe("stale: the worker is not known; join again");
  bench.join("w2");
  expect(bench.submitUnit(unitOf(0), lease.id, "w2")).toBe("refused: the worker is not admitted to this training");
  expect(bench.finished()).toEqual([]);
  expect(bench.submit(lease)).toBe("applied");
});

test("damaged bytes are refused, and the unit goes on", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  expect(bench.submit(bench.take("w1"), { kind: "invalid", reason: "only 3 of 4 bytes came" })).toBe(
    "refused: only 3 of 4 bytes came",
  );
  expect(bench.local()).toMatchObject([{ slot: 0 }]);
  expect(bench.state.quarantined.size).toBe(0);
});

test("the end of a training ends its units and tells all that run them", () => {
  const bench = new CoordinatorBench({ local: 1 });
  bench.open(0);
  bench.admit("w1");
  bench.open(1);
  const lease = bench.take("w1");
  const [own] = bench.local();
  const effects = bench.send({ type: "job-closed", job: "job" });
  expect(effects).toContainEqual({ type: "abandon", worker: "w1", leases: [lease.id] });
  expect(effects).toContainEqual({ type: "stop", lease: own?.id });
  expect(bench.state.units.size + bench.state.leases.size + bench.state.jobs.size).toBe(0);
  expect(bench.counts()).toEqual({ leased: 2, stale: 2 });
  expect(bench.submit(lease)).toBe("stale: the training is over");
});

test("a unit that nobody wants any more ends alone", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1", { parallel: 2 });
  bench.open(0, 1);
  const first = bench.take("w1");
  const second = bench.take("w1");
  expect(bench.send({ type: "unit-closed", unit: unitOf(0) })).toEqual([
    { type: "abandon", worker: "w1", leases: [first.id] },
  ]);
  expect(bench.submit(first)).toBe("stale: the unit is over");
  expect(bench.submit(second)).toBe("applied");
});

test("a transition changes nothing of the state before it", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1");
  bench.open(0, 1);
  const lease = bench.take("w1");
  const states = [bench.state];
  const copies = [structuredClone(bench.state)];
  const remember = () => {
    states.push(bench.state);
    copies.push(structuredClone(bench.state));
  };
  bench.submit(lease, wrong);
  remember();
  bench.run(right);
  remember();
  bench.pass(6_000);
  remember();
  bench.send({ type: "job-closed", job: "job" });
  expect(states).toEqual(copies);
});

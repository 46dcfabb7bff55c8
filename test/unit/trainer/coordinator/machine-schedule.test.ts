import { expect, test } from "vitest";
import { CoordinatorBench, unitOf } from "../../../helpers/coordinator-bench.ts";

test("without workers the trainer runs the units, a few at a time", () => {
  const bench = new CoordinatorBench({ local: 2 });
  bench.open(0, 1, 2, 3);
  expect(bench.local().map(({ slot }) => slot)).toEqual([0, 1]);
  bench.run();
  expect(bench.local().map(({ slot }) => slot)).toEqual([1, 2]);
});

test("with a worker the trainer leaves the units to it, also those that wait for it", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0, 1);
  const lease = bench.take("w1");
  expect(bench.local()).toEqual([]);
  bench.submit(lease);
  expect(bench.local()).toEqual([]);
});

test("a worker that neither works nor asks holds nothing up", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.open(0);
  bench.pass(4_500, "w1");
  expect(bench.local()).toEqual([]);
  bench.pass(500, "w1");
  expect(bench.local()).toMatchObject([{ slot: 0 }]);
});

test("scale 0 -> 2 -> 0 -> 1: units go wherever there is somebody", () => {
  const bench = new CoordinatorBench({ local: 1 });
  bench.open(0, 1, 2, 3, 4);
  expect(bench.local().map(({ slot }) => slot)).toEqual([0]);
  bench.admit("w1");
  bench.admit("w2");
  expect([bench.take("w1").slot, bench.take("w2").slot]).toEqual([1, 2]);
  bench.run();
  expect(bench.local()).toEqual([]);
  bench.send({ type: "left", worker: "w1" });
  bench.send({ type: "left", worker: "w2" });
  expect(bench.local().map(({ slot }) => slot)).toEqual([1]);
  bench.admit("w3");
  expect(bench.take("w3").slot).toBe(2);
});

test("an idle worker gets a second copy of a unit that is older than one and a half usual times, once", () => {
  const bench = new CoordinatorBench();
  bench.admit("w1");
  bench.admit("w2");
  bench.admit("w3");
  bench.open(0, 1, 2, 3);
  for (let i = 0; i < 3; i++) {
    const lease = bench.take("w1");
    bench.at += 400;
    bench.submit(lease);
  }
  const slow = bench.take("w1");
  const beat = () => bench.send({ type: "beat", worker: "w1", units: [{ lease: slow.id, work: bench.at }] });
  expect(bench.ask("w2")).toBeUndefined();
  bench.at += 600;
  beat();
  expect(bench.send({ type: "tick" })).toEqual([]);
  bench.at += 1;
  const [grant] = bench.send({ type: "tick" });
  if (grant?.type !== "grant") throw new Error("no second copy");
  expect(grant.lease).toMatchObject({ worker: "w2", slot: 3 });
  expect(bench.ask("w3")).toBeUndefined();
  expect(bench.submit(grant.lease)).toBe("applied");
  expect(bench.effects).toContainEqual({ type: "abandon", worker: "w1", leases: [slow.id] });
  expect(bench.counts()).toEqual({ leased: 5, applied: 4, stale: 1 });
});

test("two processes of one name do not run the same unit", () => {
  const bench = new CoordinatorBench({ audit: 1 });
  bench.admit("w1", { name: "same" });
  bench.admit("w2", { name: "same" });
  bench.open(0);
  bench.take("w1");
  expect(bench.ask("w2")).toBeUndefined();
});

test("equal units of two callers are one", () => {
  const bench = new CoordinatorBench({ local: 1 });
  bench.open(0);
  bench.open(0);
  expect(bench.state.units.size).toBe(1);
  bench.run();
  expect(bench.finished()).toEqual(["0 right"]);
  bench.send({ type: "unit-opened", unit: unitOf(0) });
  expect(bench.state.units.size).toBe(1);
});

import { describe, expect, test } from "vitest";
import { drawEvents } from "../../../services/simulator/world/events.ts";
import { smallScenario } from "../../helpers/scenarios.ts";

const wishesOf = (keys: Parameters<typeof smallScenario>[0], seed = 1) => drawEvents(smallScenario(keys), seed).wishes;
const gapsOf = (times: readonly number[]) => times.slice(1).map((at, i) => at - (times[i] as number));

describe("wishes to train", () => {
  test.each(["poisson", "periodic", "bursty"])("%s: one every so many ticks on average, in order of time", (kind) => {
    const wishes = wishesOf({ teams: 50, edges: "star", cadence: { kind, every: 4 }, ticks: 400 });
    expect(wishes.length / 50 / 100).toBeCloseTo(1, 1);
    expect(wishes.map(({ at }) => at)).toEqual(wishes.map(({ at }) => at).toSorted((a, b) => a - b));
  });

  test("periodic ones have equal gaps, and bursts come in fours", () => {
    const timesOf = (kind: string) =>
      wishesOf({ cadence: { kind, every: 4 }, ticks: 200 }).flatMap(({ team, at }) => (team === "m1" ? [at] : []));
    for (const gap of gapsOf(timesOf("periodic"))) expect(gap).toBeCloseTo(4, 9);
    expect(gapsOf(timesOf("bursty")).filter((gap) => gap < 0.41).length).toBeGreaterThan(20);
  });

  test("depend on neither policies, nor other teams, nor the length", () => {
    const short = wishesOf({ ticks: 10 });
    expect(wishesOf({ ticks: 10, policies: ["sync", "gated"] })).toEqual(short);
    expect(wishesOf({ ticks: 40 }).filter(({ at }) => at < 10)).toEqual(short);
    const own = (teams: number) => wishesOf({ teams, edges: "star", ticks: 10 }).filter(({ team }) => team === "m1");
    expect(own(9)).toEqual(own(3));
    expect(wishesOf({ ticks: 10 }, 2)).not.toEqual(short);
  });

  test("a team's own interval and steps take the place of the scenario's", () => {
    const wishes = wishesOf({ teams: { a: { every: 1, steps: 7 }, b: {} }, edges: { b: ["a"] }, ticks: 400 });
    expect(wishes.filter(({ team }) => team === "a").length).toBeGreaterThan(300);
    expect(wishes.find(({ team }) => team === "a")?.steps).toBe(7);
    expect(wishes.find(({ team }) => team === "b")?.steps).toBe(60);
  });
});

test("model classes change with a wish and stay changed; a bad release is one training", () => {
  const scripted = [
    { tick: 2, team: "m1", kind: "upgrade" },
    { tick: 4, team: "m1", kind: "bad-release" },
    { tick: 6, team: "m1", kind: "downgrade" },
  ];
  const { wishes, changes } = drawEvents(
    smallScenario({ cadence: { kind: "periodic", every: 1 }, ticks: 10, events: { scripted } }),
    1,
  );
  const own = wishes.filter(({ team }) => team === "m1");
  for (const { at, hidden } of own) expect(hidden).toEqual([at >= 2 && at < 6 ? 16 : 8]);
  expect(own.filter(({ isBad }) => isBad)).toEqual([expect.objectContaining({ steps: 1 })]);
  expect(own.find(({ isBad }) => isBad)?.at).toBeCloseTo(4.5, 0);
  expect(changes).toEqual([
    expect.objectContaining({ kind: "upgrade", hidden: [16] }),
    expect.objectContaining({ kind: "downgrade", hidden: [8] }),
  ]);
});

test("outages come at their rate, with their length, and as scripted", () => {
  const { outages } = drawEvents(
    smallScenario({
      teams: 50,
      edges: "star",
      ticks: 100,
      events: { outage: 0.1, outage_ticks: 2, scripted: [{ tick: 3.5, team: "m7", kind: "outage", ticks: 5 }] },
    }),
    1,
  );
  expect(outages.length / 5000).toBeCloseTo(0.1, 1);
  expect(outages).toContainEqual({ team: "m7", from: 3.5, to: 8.5 });
  expect(outages.filter(({ from, to }) => to - from !== 2)).toHaveLength(1);
});

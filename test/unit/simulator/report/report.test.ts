import { beforeAll, describe, expect, test } from "vitest";
import { edgeGaps } from "../../../../services/simulator/report/edge-gaps.ts";
import { resultFiles } from "../../../../services/simulator/report/result-files.ts";
import type { SimulationOutcome } from "../../../../services/simulator/report/simulation-outcome.ts";
import { smallScenario } from "../../../helpers/scenarios.ts";
import { eventfulScenario, simulatedOutcome } from "../../../helpers/simulated-outcome.ts";

let outcome: SimulationOutcome;
let files: ReadonlyMap<string, string>;
beforeAll(async () => {
  outcome = await simulatedOutcome(eventfulScenario());
  files = new Map(await resultFiles(outcome, "uncouple 1.2.3"));
});

const rowsOf = (name: string) => (files.get(name) as string).trimEnd().split("\n").slice(1);
const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0;

test("results.json has the results, and the sensitivity beside them", () => {
  const { results, sensitivity } = outcome;
  expect(JSON.parse(files.get("results.json") as string)).toEqual(
    JSON.parse(JSON.stringify({ ...results, sensitivity })),
  );
});

test("losses.csv has the loss of each policy at each tick", () => {
  const { policies, ticks } = outcome.results;
  expect(rowsOf("losses.csv")).toHaveLength(policies.length * (ticks + 1));
  expect(rowsOf("losses.csv")[ticks]).toBe(`async,${policies[0]?.loss.series[ticks]?.join(",")}`);
});

test("league.csv has every measure with its interval, the best policy first", () => {
  const { policies } = outcome.results;
  const [best] = policies.toSorted((a, b) => a.loss.mean - b.loss.mean);
  const [first = "", ...others] = rowsOf("league.csv");
  expect(first).toBe(`${best?.name},meanLoss,${best?.loss.mean},${best?.intervals.meanLoss?.join(",")}`);
  expect(others).toContain(`${best?.name},steps,${best?.steps},${best?.intervals.steps?.join(",")}`);
});

test("events.csv has what happened under every policy, and what each policy made of it, in order of time", () => {
  const { results, runs } = outcome;
  const wishes = results.seeds.flatMap((seed) => runs.find((run) => run.seed === seed)?.wishes ?? []);
  const snapshots = runs.flatMap((run) => run.snapshots);
  const rows = rowsOf("events.csv").map((row) => row.split(","));
  expect(rows).toHaveLength(results.events.length + wishes.length + snapshots.length);
  const times = rows.filter(([seed]) => seed === "1").map(([, tick]) => Number(tick));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(rows.filter(([, , , event]) => event === "rejected").length).toBe(
    snapshots.filter(({ fate }) => fate === "rejected").length,
  );
});

describe("report.html", () => {
  const page = () => files.get("report.html") as string;

  test("has a mark for every event and snapshot of the first seed", () => {
    const { results, runs } = outcome;
    const first = runs.filter(({ seed }) => seed === 1);
    expect(count(page(), /<circle /g)).toBe(first.flatMap(({ snapshots }) => snapshots).length);
    expect(count(page(), /<line class="wish"/g)).toBe(first[0]?.wishes.length);
    const events = results.events.filter(({ seed }) => seed === 1);
    const outages = events.filter(({ kind }) => kind === "outage").length;
    expect(outages).toBeGreaterThan(0);
    expect(count(page(), /class="outage"/g)).toBe(outages);
    expect(count(page(), /<text class="event /g)).toBe(events.length - outages);
  });

  test("draws every edge for every policy, with its gap", () => {
    expect(count(page(), /<svg class="organization"/g)).toBe(2);
    for (const { upstream, downstream } of edgeGaps(outcome.runs, "async"))
      expect(count(page(), new RegExp(`<title>${upstream} to ${downstream}: gap `, "g"))).toBe(2);
    expect(edgeGaps(outcome.runs, "async")).toHaveLength(4);
  });

  test("has what it takes to repeat it, and runs no script", () => {
    expect(page()).toContain("uncouple 1.2.3");
    expect(page()).toContain("seeds: [1,2]");
    expect(page()).not.toContain("<script");
    expect(page()).toContain("default-src 'none'");
  });
});

test("the gap of an edge is the mean over seeds", () => {
  const gaps = outcome.runs
    .filter(({ policy }) => policy === "async")
    .map((run) => run.gaps.find(({ upstream, downstream }) => upstream === "m1" && downstream === "m2")?.gap as number);
  expect(gaps).toHaveLength(2);
  const found = edgeGaps(outcome.runs, "async").find(({ downstream }) => downstream === "m2");
  expect(found?.gap).toBeCloseTo(((gaps[0] as number) + (gaps[1] as number)) / 2, 12);
});

test("a split is an event, with the organization before and after it", async () => {
  const scripted = [{ tick: 2, team: "m2", kind: "split", into: ["left", "right"] }];
  const split = await simulatedOutcome(smallScenario({ policies: ["async"], ticks: 4, events: { scripted } }));
  expect(split.results.events).toEqual([{ seed: 1, tick: 2, team: "m2", kind: "split", into: ["left", "right"] }]);
  const written = new Map(await resultFiles(split, "uncouple 1.2.3"));
  const page = written.get("report.html") as string;
  expect(page).toContain("m2: split into left and right, tick 2.00");
  expect(count(page, /<figcaption>until tick 2</g)).toBe(1);
  const [before = "", after = ""] = page.match(/<svg class="organization".*?<[/]svg>/gs) ?? [];
  const namesIn = (drawing: string) =>
    (drawing.match(/<title>[a-z0-9]+<[/]title>/g) ?? []).map((title) => title.slice(7, -8));
  expect(namesIn(before)).toEqual(["m1", "m2", "m3", "m4"]);
  expect(namesIn(after).toSorted()).toEqual(["left", "m1", "m3", "m4", "right"]);
  // The team that was split has no row after it, the new ones none before.
  expect(count(page, /class="absent"/g)).toBe(3);
  expect(written.get("events.csv")).toContain("1,2,m2,split,");
});

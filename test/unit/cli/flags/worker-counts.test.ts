import { expect, test } from "vitest";
import { parseWorkerCounts, workersOfTeams } from "../../../../services/cli/flags/worker-counts.ts";
import { DEFAULT_WORKERS } from "../../../../services/pipeline/team.ts";
import { team } from "../../../helpers/teams.ts";

const teams = [
  team({ component: "m1", workers: DEFAULT_WORKERS }),
  team({ component: "m2" }),
  team({ component: "m3", workers: DEFAULT_WORKERS }),
];
const counts = (text: string) => Object.fromEntries(workersOfTeams(parseWorkerCounts(text), teams));

test("a number is for every team with workers", () => {
  expect(counts("3")).toEqual({ m1: 3, m3: 3 });
  expect(counts("0")).toEqual({});
});

test("names are for some teams", () => {
  expect(counts("m1=2")).toEqual({ m1: 2 });
  expect(counts("m1=2,m3=0,m2=0")).toEqual({ m1: 2 });
});

test.each(["", "x", "-1", "1.5", "257", "m1=", "m1=x", "=2", "m1=1=2", "m1=1,m1=2", "m1=1,2"])("refuses %j", (text) => {
  expect(() => parseWorkerCounts(text)).toThrow();
});

test("names what cannot have workers", () => {
  expect(() => counts("m2=1")).toThrow("--workers: the team file of m2 has no workers; add workers: {} to it");
  expect(() => counts("m4=1")).toThrow('no team file is of component "m4"; available: m1, m2, m3');
  expect(() => workersOfTeams(2, [team()])).toThrow("--workers: no team file has workers");
});

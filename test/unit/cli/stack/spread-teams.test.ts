import { expect, test } from "vitest";
import { MOST_PROCESSES, spreadTeams } from "../../../../services/cli/stack/spread-teams.ts";

const teams = (count: number) => Array.from({ length: count }, (_, index) => `m${index + 1}`);

test("few teams get a process each, many share a few", () => {
  expect(spreadTeams(teams(3), undefined)).toEqual([["m1"], ["m2"], ["m3"]]);
  const shared = spreadTeams(teams(100), undefined);
  expect(shared).toHaveLength(MOST_PROCESSES);
  expect(shared.flat().sort()).toEqual(teams(100).sort());
  const sizes = shared.map((group) => group.length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});

test("--processes spreads them evenly, in their order", () => {
  expect(spreadTeams(teams(5), 2)).toEqual([
    ["m1", "m3", "m5"],
    ["m2", "m4"],
  ]);
  expect(spreadTeams(teams(2), 1)).toEqual([["m1", "m2"]]);
  expect(() => spreadTeams(teams(1), 2)).toThrow("1 team file cannot be spread over 2 processes");
});

import { expect, test } from "vitest";
import { findCycle, sinks } from "../../../services/pipeline/dag.ts";
import { SHAPES, shapedTeams } from "../../../services/simulator/scenario/shapes.ts";

const nodesOf = (...args: Parameters<typeof shapedTeams>) =>
  shapedTeams(...args).map(({ name, reads }) => ({ name, upstream: reads }));

test.each(SHAPES)(
  "%s: as many teams as asked for, in topological order, with one sink, the same every time",
  (shape) => {
    for (const count of [2, 3, 4, 5, 13, 50, 200]) {
      const nodes = nodesOf(shape, count);
      expect(nodes.map(({ name }) => name)).toEqual(Array.from({ length: count }, (_, at) => `m${at + 1}`));
      expect(findCycle(nodes)).toBeUndefined();
      expect(sinks(nodes).map(({ name }) => name)).toEqual([`m${count}`]);
      for (const [at, { upstream }] of nodes.entries()) {
        expect(new Set(upstream).size).toBe(upstream.length);
        for (const name of upstream) expect(nodes.findIndex((node) => node.name === name)).toBeLessThan(at);
      }
      expect(nodesOf(shape, count)).toEqual(nodes);
    }
  },
);

test("a chain, a diamond and a star are what they are called", () => {
  expect(nodesOf("chain", 3).map(({ upstream }) => upstream)).toEqual([[], ["m1"], ["m2"]]);
  expect(nodesOf("diamond", 4).map(({ upstream }) => upstream)).toEqual([[], ["m1"], ["m1"], ["m2", "m3"]]);
  expect(nodesOf("star", 4).map(({ upstream }) => upstream)).toEqual([[], [], [], ["m1", "m2", "m3"]]);
});

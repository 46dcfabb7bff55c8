import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ancestors,
  consumers,
  type DagNode,
  findCycle,
  sinks,
  topologicalOrder,
} from "../../../services/pipeline/dag.ts";

const node = (name: string, ...upstream: string[]): DagNode => ({ name, upstream });
const names = (nodes: readonly DagNode[]) => nodes.map((entry) => entry.name);

/** Acyclic by construction: each node reads only from nodes of a smaller rank. The list is shuffled. */
const dag = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc.tuple(
      fc.array(fc.array(fc.nat(size - 1), { maxLength: 4 }), { minLength: size, maxLength: size }),
      fc.shuffledSubarray(
        Array.from({ length: size }, (_, i) => i),
        { minLength: size, maxLength: size },
      ),
    ),
  )
  .map(([reads, order]) =>
    order.map((rank) => node(`n${rank}`, ...new Set((reads[rank] ?? []).filter((r) => r < rank).map((r) => `n${r}`)))),
  );

const anyGraph = fc
  .integer({ min: 1, max: 8 })
  .chain((size) => fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }))
  .map((reads) => reads.map((upstream, i) => node(`n${i}`, ...upstream.map((j) => `n${j}`))));

describe("topologicalOrder", () => {
  test("puts every component after all of its upstream components and drops none", () => {
    fc.assert(
      fc.property(dag, (nodes) => {
        const ordered = names(topologicalOrder(nodes));
        expect([...ordered].sort()).toEqual([...names(nodes)].sort());
        for (const { name, upstream } of nodes) {
          for (const read of upstream) expect(ordered.indexOf(read)).toBeLessThan(ordered.indexOf(name));
        }
      }),
    );
  });

  test("keeps a list that is already in order", () => {
    fc.assert(
      fc.property(dag, (nodes) => {
        const once = topologicalOrder(nodes);
        expect(topologicalOrder(once)).toEqual(once);
      }),
    );
  });

  test("names a cycle, and an unknown upstream with a suggestion", () => {
    expect(() => topologicalOrder([node("a", "b"), node("b", "a")])).toThrow("a cycle: a <- b <- a");
    expect(() => topologicalOrder([node("ranker"), node("revenue", "rankr")])).toThrow(
      'revenue: unknown component "rankr"; did you mean "ranker"?',
    );
  });

  test("handles a chain of 20,000 components", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => (i === 0 ? node("n0") : node(`n${i}`, `n${i - 1}`)));
    expect(topologicalOrder([...chain].reverse()).at(-1)?.name).toBe("n19999");
  });
});

describe("findCycle", () => {
  test("finds none in an acyclic graph", () => {
    fc.assert(fc.property(dag, (nodes) => findCycle(nodes) === undefined));
  });

  test("returns a closed path of edges if and only if the graph has a cycle", () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        const cycle = findCycle(nodes);
        // Kahn's algorithm: a graph is acyclic if repeatedly removing nodes without remaining upstream removes all.
        let left = nodes;
        for (let before = -1; before !== left.length; ) {
          before = left.length;
          const remaining = new Set(names(left));
          left = left.filter(({ upstream }) => upstream.some((name) => remaining.has(name)));
        }
        expect(cycle !== undefined).toBe(left.length > 0);
        if (cycle === undefined) return;
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle.at(-1)).toBe(cycle[0]);
        expect(new Set(cycle).size).toBe(cycle.length - 1);
        cycle.slice(1).forEach((read, i) => {
          expect(nodes.find(({ name }) => name === cycle[i])?.upstream).toContain(read);
        });
      }),
    );
  });

  test("a component that reads itself is a cycle of one", () => {
    expect(findCycle([node("a"), node("b", "a", "b")])).toEqual(["b", "b"]);
  });
});

describe("ancestors, consumers and sinks", () => {
  const diamond = [node("m1"), node("m2", "m1"), node("m3", "m1"), node("m4", "m2", "m3")];

  test("of a diamond", () => {
    expect(names(ancestors(diamond, "m4"))).toEqual(["m1", "m2", "m3"]);
    expect(names(ancestors(diamond, "m2"))).toEqual(["m1"]);
    expect(names(consumers(diamond, "m1"))).toEqual(["m2", "m3"]);
    expect(names(sinks(diamond))).toEqual(["m4"]);
  });

  test("the ancestors of a node are its upstream nodes and their ancestors, never the node itself", () => {
    fc.assert(
      fc.property(dag, (nodes) => {
        for (const { name, upstream } of nodes) {
          const above = upstream.flatMap((read) => [read, ...names(ancestors(nodes, read))]);
          expect(new Set(names(ancestors(nodes, name)))).toEqual(new Set(above));
          expect(above).not.toContain(name);
        }
      }),
    );
  });
});

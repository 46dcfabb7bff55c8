import { UncoupleError } from "../common/errors.ts";
import { didYouMean } from "../common/suggest.ts";
import type { Component, Pipeline } from "./pipeline.ts";

/** A node of a directed graph with the names of the nodes that it reads from, such as a `Component`. */
export interface DagNode {
  readonly name: string;
  readonly upstream: readonly string[];
}

/**
 * Finds a cycle, as a path that ends at its start, each node reading from the next: `["a", "b", "a"]`, or `["a", "a"]`
 * for a node that reads itself. Returns undefined for an acyclic graph. Ignores names that are not nodes.
 */
export function findCycle(nodes: readonly DagNode[]): readonly string[] | undefined {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const done = new Set<string>();
  for (const root of nodes) {
    if (done.has(root.name)) continue;
    // Depth-first search with an explicit stack, so that a long chain does not overflow the call stack.
    const path: { name: string; next: number }[] = [{ name: root.name, next: 0 }];
    const onPath = new Set([root.name]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const upstream = byName.get(top.name)?.upstream[top.next];
      top.next += 1;
      if (upstream === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(upstream)) {
        const names = path.map((entry) => entry.name);
        return [...names.slice(names.indexOf(upstream)), upstream];
      } else if (byName.has(upstream) && !done.has(upstream)) {
        onPath.add(upstream);
        path.push({ name: upstream, next: 0 });
      }
    }
  }
  return undefined;
}

/**
 * Sorts the nodes topologically: each comes after all of its upstream nodes. Otherwise keeps their order.
 * @throws UncoupleError `invalid-argument` naming the cycle, or an upstream that is not a node
 */
export function topologicalOrder<N extends DagNode>(nodes: readonly N[]): readonly N[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  for (const node of nodes) {
    for (const upstream of node.upstream) {
      if (byName.has(upstream)) continue;
      const hint = didYouMean(upstream, byName.keys());
      throw new UncoupleError("invalid-argument", `${node.name}: unknown component "${upstream}"${hint}`);
    }
  }
  const cycle = findCycle(nodes);
  if (cycle !== undefined) {
    throw new UncoupleError("invalid-argument", `the components form a cycle: ${cycle.join(" <- ")}`);
  }
  const depth = new Map<string, number>();
  const ordered: N[] = [];
  const place = (root: N) => {
    const stack: { node: N; next: number }[] = [{ node: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const upstream = top.node.upstream[top.next];
      top.next += 1;
      if (upstream === undefined) {
        if (!depth.has(top.node.name)) {
          depth.set(top.node.name, ordered.length);
          ordered.push(top.node);
        }
        stack.pop();
      } else if (!depth.has(upstream)) {
        stack.push({ node: byName.get(upstream) as N, next: 0 });
      }
    }
  };
  for (const node of nodes) place(node);
  return ordered;
}

/** All nodes that the named one reads from, directly or transitively, in the order of `nodes`. */
export function ancestors<N extends DagNode>(nodes: readonly N[], name: string): readonly N[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const reached = new Set<string>();
  const waiting = [...(byName.get(name)?.upstream ?? [])];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (reached.has(at)) continue;
    reached.add(at);
    waiting.push(...(byName.get(at)?.upstream ?? []));
  }
  return nodes.filter((node) => reached.has(node.name));
}

/** The nodes that read directly from the named one, in the order of `nodes`. */
export function consumers<N extends DagNode>(nodes: readonly N[], name: string): readonly N[] {
  return nodes.filter((node) => node.upstream.includes(name));
}

/** Names of all components that a component's output depends on, itself last, in topological order. */
export function closureOf(pipeline: Pipeline, name: string): readonly string[] {
  return [...ancestors(pipeline.components, name).map((component) => component.name), name];
}

/** The nodes without consumers, in the order of `nodes`. */
export function sinks<N extends DagNode>(nodes: readonly N[]): readonly N[] {
  const read = new Set(nodes.flatMap((node) => node.upstream));
  return nodes.filter((node) => !read.has(node.name));
}

/** Finds a component by name. @throws UncoupleError `not-found` listing the existing components */
export function componentNamed(pipeline: Pipeline, name: string): Component {
  const found = pipeline.components.find((component) => component.name === name);
  if (found !== undefined) return found;
  const names = pipeline.components.map((component) => component.name);
  throw new UncoupleError(
    "not-found",
    `pipeline "${pipeline.name}" has no component "${name}"; available: ${names.join(", ")}${didYouMean(name, names)}`,
  );
}

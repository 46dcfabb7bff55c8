import { type Attribute, type Graph, type Node, subgraphs, substitute, type Value } from "../graph/ir.ts";
import type { Pass } from "./pass.ts";

/** Small constants are compared by their elements, large ones by identity. */
const LARGEST_COMPARED = 64;

/** Common-subexpression elimination: merges nodes with equal operators, attributes and inputs. */
export const shareCommonSubexpressions: Pass = (graph) => {
  const ids = new Map<Value, number>();
  const constants = new Map<string, number>();
  const identify = (value: Value | null): number => {
    if (value === null) return -1;
    const known = ids.get(value);
    if (known !== undefined) return known;
    let id = ids.size;
    const key = constantKey(value);
    if (key !== undefined) {
      id = constants.get(key) ?? id;
      constants.set(key, id);
    }
    ids.set(value, id);
    return id;
  };
  const seen = new Map<string, Node>();
  const replacements = new Map<Value, Value>();
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (subgraphs(node).length > 0) {
      nodes.push(node);
      continue;
    }
    const inputs = node.inputs.map((input) => identify(input === null ? null : (replacements.get(input) ?? input)));
    const key = `${node.op}(${inputs})${attributesKey(node.attributes)}:${node.outputs.map(({ shape, type }) => `${type}[${shape}]`)}`;
    const twin = seen.get(key);
    if (twin === undefined) {
      seen.set(key, node);
      nodes.push(node);
      continue;
    }
    node.outputs.forEach((output, index) => {
      replacements.set(output, twin.outputs[index] as Value);
    });
  }
  if (replacements.size === 0) return graph;
  const shared: Graph = { ...graph, nodes };
  return substitute(shared, replacements);
};

function constantKey(value: Value): string | undefined {
  const { constant, shape, type } = value;
  if (constant === undefined || constant.length > LARGEST_COMPARED) return undefined;
  const elements = Array.from<unknown, string>(constant, (element) =>
    Object.is(element, -0) ? "-0" : String(element),
  );
  return `${type}[${shape}]${JSON.stringify(elements)}`;
}

export function attributesKey(attributes: Readonly<Record<string, Attribute>>): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  type Node,
  type Pair,
  parseDocument,
  stringify,
} from "yaml";
import type { SearchParameters, SearchValue } from "../search.ts";
import { DEFAULT_TEAM } from "../team.ts";

/**
 * Sets and removes keys in the text of a team file, and leaves everything else as it is: comments, order, and spacing
 * wherever the file's layout allows it.
 * @param text a valid team file
 * @param absent keys to remove where the file has them
 */
export function editTeamFile(text: string, parameters: SearchParameters, absent: readonly string[]): string {
  const kept = absent.reduce((edited, key) => remove(edited, key.split(".")), text);
  return Object.entries(parameters).reduce((edited, [key, value]) => edit(edited, key.split("."), value), kept);
}

function remove(text: string, path: readonly string[]): string {
  const document = parseDocument(text);
  const names = renamed(document, path);
  const parent = names.length === 1 ? document.contents : document.getIn(names.slice(0, -1), true);
  if (!isMap(parent)) return text;
  const at = parent.items.findIndex(({ key }) => isScalar(key) && key.value === names.at(-1));
  const pair = parent.items[at];
  const start = startOf(pair);
  const end = endOf(pair);
  if (pair === undefined || start === undefined || end === undefined) return text;
  if (parent.flow === true) {
    const before = endOf(parent.items[at - 1]);
    if (before !== undefined) return `${text.slice(0, before)}${text.slice(end)}`;
    return `${text.slice(0, start)}${text.slice(startOf(parent.items[at + 1]) ?? end)}`;
  }
  if (!isNode(pair.value) || !isInline(pair.value)) {
    document.deleteIn(names);
    return document.toString({ lineWidth: 0 });
  }
  const newline = text.indexOf("\n", end);
  return `${text.slice(0, text.lastIndexOf("\n", start) + 1)}${newline < 0 ? "" : text.slice(newline + 1)}`;
}

function edit(text: string, path: readonly string[], value: SearchValue): string {
  const document = parseDocument(text);
  const names = renamed(document, path);
  const at = document.getIn(names, true);
  if (isNode(at) && isInline(at)) return splice(text, at, inline(value));
  if (isNode(at)) return rewritten(document, names, value);
  const above = names.slice(0, -1);
  const last = names.at(-1) as string;
  const parent = above.length === 0 ? document.contents : document.getIn(above, true);
  if (!isCollection(parent)) {
    // `optimizer: adam` and `model: linear` are short for mappings.
    const [key = ""] = path.length === 2 ? path : [];
    const name = isScalar(parent) ? String(parent.value) : DEFAULT_NAMES[key];
    const named = Object.hasOwn(DEFAULT_NAMES, key);
    return edit(text, above, { ...(named && name !== undefined && { name }), [last]: value });
  }
  const pair = `${last}: ${inline(value)}`;
  if (!isMap(parent)) return rewritten(document, names, value);
  if (parent.flow === true) {
    const end = endOf(parent.items.at(-1)) ?? (parent.range?.[0] as number) + 1;
    return `${text.slice(0, end)}${parent.items.length === 0 ? ` ${pair} ` : `, ${pair}`}${text.slice(end)}`;
  }
  if (above.length === 0) return `${text}${text.endsWith("\n") ? "" : "\n"}${pair}\n`;
  return rewritten(document, names, value);
}

const DEFAULT_NAMES: Readonly<Record<string, string>> = {
  optimizer: DEFAULT_TEAM.optimizer.name,
  protocol: DEFAULT_TEAM.protocol.name,
};

/** The path in a file that has the deprecated name of a key. */
function renamed(document: Document, [first = "", ...rest]: readonly string[]): readonly string[] {
  const old = first === "optimizer" && document.has("optimiser");
  return [old ? "optimiser" : first, ...rest];
}

const isInline = (node: Node): boolean =>
  isScalar(node)
    ? node.type !== "BLOCK_LITERAL" && node.type !== "BLOCK_FOLDED"
    : isCollection(node) && node.flow === true;

function splice(text: string, { range }: Node, to: string): string {
  const [start, end] = range as [number, number, number];
  return `${text.slice(0, start)}${to}${text.slice(end)}`;
}

/** The file as `yaml` writes it, with its comments. */
function rewritten(document: Document, path: readonly string[], value: SearchValue): string {
  document.setIn(path, document.createNode(value, { flow: true }));
  return document.toString({ lineWidth: 0 });
}

/** Where the text of a pair begins. */
function startOf(pair: Pair | undefined): number | undefined {
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** Where the text of a pair ends. */
function endOf(pair: Pair | undefined): number | undefined {
  const { value, key } = pair ?? {};
  const node = isNode(value) ? value : isNode(key) ? key : undefined;
  return node?.range?.[1];
}

function inline(value: SearchValue): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, part]) => `${inline(key)}: ${inline(part)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();
}

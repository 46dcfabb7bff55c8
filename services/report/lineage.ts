import { snapshotName } from "../pipeline/manifest.ts";
import type { OpenSet } from "../pipeline/open-set.ts";
import type { VerdictKind } from "../pipeline/verdict.ts";
import { type Html, html, trusted } from "./html.ts";

/** A snapshot as a node of the lineage graph. */
export interface LineageNode {
  readonly component: string;
  readonly serial: number;
  readonly parent: number | null;
  /** Component to serial: the snapshots that imputed its training inputs. */
  readonly upstream: Readonly<Record<string, number>>;
  /** Second line, below the name: the protocol or the loss. */
  readonly caption: string;
  /** The outcome, which colors the node. */
  readonly outcome?: OpenSet<VerdictKind | "quarantined">;
  /** Aliases that point to the snapshot. */
  readonly aliases?: readonly string[];
}

/** In pixels; names and captions that need more make nodes, and the names of rows before them, wider. */
const DRAWING = { width: 148, height: 52, gapX: 36, gapY: 46, margin: 12, head: 84 };
/** Width of a character, at most for most texts, since fonts differ: bold, and small. */
const BOLD_WIDTH = 9;
const SMALL_WIDTH = 7.2;
const PADDING = 10;
/** Characters of a component's name. */
const MOST_CHARACTERS = 24;

type Drawing = typeof DRAWING;

function drawingFor(components: readonly string[], nodes: readonly LineageNode[]): Drawing {
  const { width, margin, head } = DRAWING;
  const name = Math.max(...components.map((component) => clipped(component, MOST_CHARACTERS).length));
  const needed = nodes.map((snapshot) => {
    const aliases = (snapshot.aliases ?? []).join(", ").length;
    return 2 * PADDING + BOLD_WIDTH * nameOf(snapshot).length + (aliases > 0 ? PADDING + SMALL_WIDTH * aliases : 0);
  });
  return {
    ...DRAWING,
    width: Math.ceil(Math.max(width, ...needed)),
    head: Math.max(head, 2 * margin + BOLD_WIDTH * name),
  };
}

function nameOf({ component, serial }: LineageNode): string {
  return snapshotName({ component: clipped(component, MOST_CHARACTERS), serial });
}

/**
 * Draws the snapshots of all components: one row per component in the given order, left to right by publication. Solid
 * arrows lead from a snapshot to those trained on its predictions, dashed arrows to its successors.
 */
export function lineage(components: readonly string[], nodes: readonly LineageNode[]): Html {
  const node = drawingFor(components, nodes);
  const place = new Map<string, { readonly x: number; readonly y: number }>();
  nodes.forEach((snapshot, column) => {
    const row = components.indexOf(snapshot.component);
    if (row < 0) return;
    place.set(snapshotName(snapshot), {
      x: node.head + column * (node.width + node.gapX) * 0.62,
      y: node.margin + row * (node.height + node.gapY),
    });
  });
  spread(node, components, nodes, place);
  const shown = nodes.filter((snapshot) => place.has(snapshotName(snapshot)));
  const width = node.margin + node.width + Math.max(node.head, ...[...place.values()].map(({ x }) => x));
  const height = 2 * node.margin + components.length * (node.height + node.gapY) - node.gapY;
  const edges = shown.flatMap((snapshot) => {
    const to = place.get(snapshotName(snapshot));
    const parents =
      snapshot.parent === null ? [] : [{ component: snapshot.component, serial: snapshot.parent, kind: "parent" }];
    const sources = Object.entries(snapshot.upstream).map(([component, serial]) => ({
      component,
      serial,
      kind: "upstream",
    }));
    return [...sources, ...parents].flatMap(({ kind, ...source }) => {
      const from = place.get(snapshotName(source));
      return from === undefined || to === undefined ? [] : [edge(node, from, to, kind)];
    });
  });
  return html`<svg class="lineage" role="img" aria-label="Lineage of snapshots" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0,0 8,4 0,8Z"/></marker></defs>
${components.map((name, row) => html`<text class="row" x="${node.margin}" y="${node.margin + row * (node.height + node.gapY) + node.height / 2 + 5}">${clipped(name, MOST_CHARACTERS)}</text>`)}
${edges}
${shown.map((snapshot) => box(node, snapshot, place.get(snapshotName(snapshot)) ?? { x: 0, y: 0 }))}
</svg>`;
}

/** Moves overlapping nodes of a row apart, left to right. */
function spread(
  node: Drawing,
  components: readonly string[],
  nodes: readonly LineageNode[],
  place: Map<string, { readonly x: number; readonly y: number }>,
): void {
  for (const component of components) {
    let free = node.head;
    for (const snapshot of nodes.filter((other) => other.component === component)) {
      const at = place.get(snapshotName(snapshot));
      if (at === undefined) continue;
      const x = Math.max(at.x, free);
      place.set(snapshotName(snapshot), { x, y: at.y });
      free = x + node.width + node.gapX;
    }
  }
}

function edge(
  node: Drawing,
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number },
  kind: string,
): Html {
  if (from.y === to.y) {
    const y = from.y + node.height / 2;
    return html`<path class="edge ${kind}" d="M${from.x + node.width},${y} H${to.x - 2}" marker-end="url(#tip)"/>`;
  }
  const down = to.y > from.y;
  const start = { x: from.x + node.width / 2, y: down ? from.y + node.height : from.y };
  const end = { x: to.x + node.width / 2, y: down ? to.y - 2 : to.y + node.height + 2 };
  const middle = (start.y + end.y) / 2;
  return html`<path class="edge ${kind}" d="M${start.x},${start.y} C${start.x},${middle} ${end.x},${middle} ${end.x},${end.y}" marker-end="url(#tip)"/>`;
}

function box(node: Drawing, snapshot: LineageNode, at: { readonly x: number; readonly y: number }): Html {
  const { outcome, aliases = [], caption } = snapshot;
  const fits = Math.floor((node.width - 2 * PADDING) / SMALL_WIDTH);
  const name = snapshotName(snapshot);
  const badge =
    aliases.length === 0
      ? trusted("")
      : html`<text class="alias" x="${at.x + node.width - 8}" y="${at.y + 20}">${aliases.join(", ")}</text>`;
  return html`<g class="node ${outcome ?? "none"}"><title>${[name, caption, outcome].filter((part) => part !== undefined && part !== "").join(", ")}</title><rect x="${at.x}" y="${at.y}" width="${node.width}" height="${node.height}" rx="6"/><text class="name" x="${at.x + PADDING}" y="${at.y + 20}">${nameOf(snapshot)}</text>${badge}<text class="caption" x="${at.x + PADDING}" y="${at.y + 40}">${clipped(caption, fits)}</text></g>`;
}

function clipped(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

import { type Html, html } from "../../report/html.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { Team } from "../scenario/scenario.ts";
import type { EdgeGap } from "./edge-gaps.ts";

/** Names and gaps are written out up to so many teams; beyond, they are in tooltips. */
const MOST_NAMED = 16;
const NAMED = { width: 118, height: 30, gapX: 96, gapY: 34 } as const;
const SMALL = { width: 10, height: 6, gapX: 96, gapY: 4 } as const;
const MARGIN = 12;
const THINNEST = 1;
const THICKEST = 7;
/** Fits a name of 14 characters. */
const MOST_CHARACTERS = 14;

export const GRAPH_STYLE = `
.organizations{display:flex;flex-wrap:wrap;gap:8px 28px}
.organizations figure{margin:8px 0;max-width:100%}
.organizations figcaption{font-weight:600;font-size:14.5px}
.organization text{font:12.5px system-ui,sans-serif;fill:var(--ink)}
.organization rect{fill:var(--soft);stroke:var(--faint);stroke-width:1.2}
.organization path{fill:none;stroke:var(--line)}
.organization path.harmful{stroke:var(--bad)}
.organization path.ready{stroke:var(--good)}
.organization .gap{paint-order:stroke;stroke:var(--page);stroke-width:4px}
.organization text.harmful{fill:var(--bad)}
.organization text.ready{fill:var(--good)}
`;

/**
 * Draws the teams from left to right, each right of all that it reads. Edges are as thick as their gaps are large.
 * @param widest the largest absolute gap of all drawings to compare
 */
export function organizationGraph(
  label: string,
  teams: readonly Team[],
  gaps: readonly EdgeGap[],
  widest: number,
): Html {
  const isNamed = teams.length <= MOST_NAMED;
  const size = isNamed ? NAMED : SMALL;
  const layers = layersOf(teams);
  const tallest = Math.max(...layers.map((layer) => layer.length));
  const heightOf = (count: number) => count * size.height + (count - 1) * size.gapY;
  const height = 2 * MARGIN + heightOf(tallest);
  const width = 2 * MARGIN + layers.length * size.width + (layers.length - 1) * size.gapX;
  const places = new Map(
    layers.flatMap((layer, column) =>
      layer.map((name, row): [string, { readonly x: number; readonly y: number }] => [
        name,
        {
          x: MARGIN + column * (size.width + size.gapX),
          y: (height - heightOf(layer.length)) / 2 + row * (size.height + size.gapY),
        },
      ]),
    ),
  );
  const gapOf = new Map(gaps.map(({ upstream, downstream, gap }) => [`${upstream} ${downstream}`, gap]));
  const edges = teams.flatMap(({ name, reads }) =>
    reads.map((upstream) => {
      const [from, to] = [places.get(upstream), places.get(name)] as [Place, Place];
      return edge({ upstream, downstream: name, gap: gapOf.get(`${upstream} ${name}`) }, from, to);
    }),
  );

  function edge(
    { upstream, downstream, gap }: Omit<EdgeGap, "gap"> & { readonly gap: number | undefined },
    from: Place,
    to: Place,
  ): { readonly line: Html; readonly number: Html } {
    const [x1, y1] = [from.x + size.width, from.y + size.height / 2];
    const [x2, y2] = [to.x, to.y + size.height / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    const share = gap === undefined || widest === 0 ? 0 : Math.abs(gap) / widest;
    const kind = gap === undefined || share < 0.01 ? "none" : gap > 0 ? "harmful" : "ready";
    const thickness = THINNEST + share * (THICKEST - THINNEST);
    const title = `${upstream} to ${downstream}: ${gap === undefined ? "no gap measured" : `gap ${signed(gap)}`}`;
    return {
      line: html`<path class="${kind}" stroke-width="${thickness.toFixed(1)}" d="M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}"><title>${title}</title></path>`,
      number: html`${isNamed && gap !== undefined && html`<text class="gap ${kind}" text-anchor="middle" x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - 5}">${signed(gap)}</text>`}`,
    };
  }

  return html`<svg class="organization" role="img" aria-label="${label}" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${edges.map(({ line }) => line)}
${teams.map(({ name }) => {
  const { x, y } = places.get(name) as Place;
  return html`<g><title>${name}</title><rect x="${x}" y="${y}" width="${size.width}" height="${size.height}" rx="${isNamed ? 6 : 2}"/>${isNamed && html`<text text-anchor="middle" x="${x + size.width / 2}" y="${y + 20}">${clipped(name)}</text>`}</g>`;
})}
${edges.map(({ number }) => number)}
</svg>`;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Teams by the length of the longest way to them. @param teams in topological order */
function layersOf(teams: readonly Team[]): readonly (readonly string[])[] {
  const depth = new Map<string, number>();
  const layers: string[][] = [];
  for (const { name, reads } of teams) {
    const at = Math.max(-1, ...reads.map((upstream) => depth.get(upstream) as number)) + 1;
    depth.set(name, at);
    const layer = layers[at] ?? [];
    layer.push(name);
    layers[at] = layer;
  }
  return layers;
}

/** A gap with its sign: `+12.3`, `-4.56`. */
export function signed(gap: number): string {
  return `${gap > 0 ? "+" : ""}${formatNumber(gap)}`;
}

function clipped(name: string): string {
  return name.length <= MOST_CHARACTERS ? name : `${name.slice(0, MOST_CHARACTERS - 1)}…`;
}

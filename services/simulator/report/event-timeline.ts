import { type Html, html, trusted } from "../../report/html.ts";
import type { EventRecord } from "../measures/simulation-results.ts";
import type { PolicyRun, SnapshotRecord } from "../records/policy-run.ts";
import type { TeamLife } from "../scenario/stages.ts";

/** Teams beyond so many are left out, those with the least exogenous events first. */
const MOST_TEAMS = 40;
const ROW = 22;
const HEAD = 26;
/** Times are between these shares of the width, so that marks at both ends are whole. */
const [LEFT, RIGHT] = [1, 99] as const;
const ZOOMS = [1, 2, 4, 8] as const;
/** About so many ticks have numbers at each zoom. */
const NUMBERS = 13;

/** An outage is a bar. */
const SIGNS: Readonly<Record<EventRecord["kind"], string>> = {
  upgrade: "▲",
  downgrade: "▼",
  "bad-release": "✖",
  outage: "",
  split: "◆",
};

/** What selects a zoom and a policy: hidden when printed, and used without a script. */
export const TIMELINE_STYLE = `
.timeline{margin:12px 0}
.timeline input{margin:0 4px 0 14px}
.timeline .names{float:left;font-size:12.5px;padding-right:10px;background:var(--page)}
.timeline .names div{height:${ROW}px;line-height:${ROW}px;max-width:9rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.timeline .names div:first-child{height:${HEAD}px}
.timeline .window{overflow-x:auto}
.timeline svg{width:100%;min-width:560px;max-width:none}
.timeline svg text{font:12px system-ui,sans-serif;fill:var(--faint)}
.timeline line{stroke:var(--line)}
.timeline .wish{stroke:var(--faint);stroke-width:1}
.timeline .outage{fill:var(--faint);opacity:.28}
.timeline .absent{stroke:var(--line);stroke-dasharray:2 4}
.timeline .deployed,.timeline text.event{fill:var(--faint)}
.timeline .improved{fill:var(--good)}
.timeline .degraded,.timeline .self-defeating{fill:var(--bad)}
.timeline .rejected,.timeline .held,.timeline .superseded{fill:none;stroke:var(--faint);stroke-width:1.6}
.timeline .rejected{stroke:var(--bad)}
.timeline .superseded{stroke-width:.8}
.timeline text.bad-release{fill:var(--bad);font-weight:700}
.timeline .policy{display:none}
${ZOOMS.map((zoom) => `.timeline .zoom-${zoom}:checked~.window svg{width:${100 * zoom}%;min-width:${560 * zoom}px}`).join("")}
${ZOOMS.slice(1)
  .map((zoom) => `.timeline .from-${zoom}{display:none}`)
  .join("")}
${ZOOMS.flatMap((zoom) => ZOOMS.filter((other) => other > 1 && other <= zoom).map((other) => `.timeline .zoom-${zoom}:checked~.window .from-${other}{display:inline}`)).join("")}
@media print{.timeline input,.timeline input:not(:checked)+label{display:none}.timeline svg{min-width:0!important;width:100%!important}}
`;

/** Selectors of the policies' marks, which depend on their number. */
export function policyStyle(policies: number): string {
  return Array.from(
    { length: policies },
    (_, at) => `.timeline .show-${at}:checked~.window .policy-${at}{display:inline}`,
  ).join("");
}

export interface TimelineContent {
  /** All that ever exist. */
  readonly lives: readonly TeamLife[];
  readonly ticks: number;
  /** What happens under every policy, on the seed of the runs. */
  readonly events: readonly EventRecord[];
  /** One of each policy, on one seed. */
  readonly runs: readonly PolicyRun[];
}

/**
 * Draws what happened, one row for each team. Inputs choose the policy and the zoom: the drawing gets wider, its marks do
 * not. Needs `TIMELINE_STYLE` and `policyStyle`.
 */
export function eventTimeline({ lives, ticks, events, runs }: TimelineContent): Html {
  const shown = busiest(
    lives.map(({ team }) => team.name),
    events,
    runs[0],
  );
  const rows = new Map(shown.map((name, at) => [name, HEAD + (at + 0.5) * ROW]));
  const height = HEAD + shown.length * ROW + 4;
  const isShown = ({ team }: { readonly team: string }) => rows.has(team);
  const x = (tick: number) => `${(LEFT + ((RIGHT - LEFT) * Math.min(tick, ticks)) / ticks).toFixed(3)}%`;
  const y = (team: string) => rows.get(team) as number;
  const wishes = runs[0]?.wishes ?? [];
  return html`<div class="timeline">
${runs.map(({ policy }, at) => radio("timeline-policy", `show-${at}`, policy, at === 0))}
<br>
${ZOOMS.map((zoom) => radio("timeline-zoom", `zoom-${zoom}`, `× ${zoom}`, zoom === 1))}
<div></div>
<div class="names"><div></div>${shown.map((name) => html`<div title="${name}">${name}</div>`)}</div>
<div class="window"><svg role="img" aria-label="Timeline of events by team" xmlns="http://www.w3.org/2000/svg" height="${height}" style="height:${height}px">
${numbers(ticks).map(({ tick, zoom }) => html`<g class="from-${zoom}"><line x1="${x(tick)}" x2="${x(tick)}" y1="${HEAD - 6}" y2="${height}"/><text text-anchor="middle" x="${x(tick)}" y="14">${tick}</text></g>`)}
${lives.filter(({ team }) => rows.has(team.name)).map(absences)}
${events.filter(isShown).flatMap((event) => (event.until === undefined ? [] : [outage(event, event.until)]))}
${wishes.filter(isShown).map(({ team, at }) => html`<line class="wish" x1="${x(at)}" x2="${x(at)}" y1="${y(team) - 8}" y2="${y(team) + 8}"/>`)}
${runs.map(({ snapshots }, at) => html`<g class="policy policy-${at}">${snapshots.filter(({ component }) => rows.has(component)).map(mark)}</g>`)}
${events.filter((event) => isShown(event) && event.kind !== "outage").map(symbol)}
</svg></div>
</div>`;

  function outage({ team, tick }: EventRecord, until: number): Html {
    const share = ((RIGHT - LEFT) * (Math.min(until, ticks) - tick)) / ticks;
    return html`<rect class="outage" x="${x(tick)}" width="${share.toFixed(3)}%" y="${y(team) - 9}" height="18"><title>${team}: outage from tick ${tick.toFixed(2)} to ${until.toFixed(2)}</title></rect>`;
  }

  /** Before a team begins and after it ends. */
  function absences({ team: { name }, from, to }: TeamLife): readonly Html[] {
    const line = (start: number, end: number) =>
      html`<line class="absent" x1="${x(start)}" x2="${x(end)}" y1="${y(name)}" y2="${y(name)}"/>`;
    return [...(from > 0 ? [line(0, from)] : []), ...(to < ticks ? [line(to, ticks)] : [])];
  }

  function mark({ component, serial, fate, settledAt, verdict }: SnapshotRecord): Html {
    const kind = fate === "deployed" ? `deployed ${verdict?.kind ?? ""}` : fate;
    const title = `${component}@${serial}: ${fate}, tick ${settledAt.toFixed(2)}${verdict === null ? "" : `, ${verdict.kind}`}`;
    return html`<circle class="${kind}" cx="${x(settledAt)}" cy="${y(component)}" r="4.5"><title>${title}</title></circle>`;
  }

  function symbol({ team, tick, kind, into }: EventRecord): Html {
    const what = into === undefined ? kind : `${kind} into ${into.join(" and ")}`;
    return html`<text class="event ${kind}" text-anchor="middle" x="${x(tick)}" y="${y(team) - 3}">${SIGNS[kind]}<title>${team}: ${what}, tick ${tick.toFixed(2)}</title></text>`;
  }
}

/** How many teams of how many a timeline shows. */
export function shownTeams(teams: number): number {
  return Math.min(teams, MOST_TEAMS);
}

function radio(name: string, id: string, text: string, isChecked: boolean): Html {
  return html`<input type="radio" class="${id}" name="${name}" id="${id}"${isChecked && trusted(" checked")}><label for="${id}">${text}</label>`;
}

/** The teams with the most events and wishes, in the order of the scenario. */
function busiest(
  teams: readonly string[],
  events: readonly EventRecord[],
  run: PolicyRun | undefined,
): readonly string[] {
  const counts = new Map<string, number>();
  const count = (team: string, by: number) => counts.set(team, (counts.get(team) ?? 0) + by);
  for (const { team } of events) count(team, 10);
  for (const { team } of run?.wishes ?? []) count(team, 1);
  const ranked = teams.toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const kept = new Set(ranked.slice(0, MOST_TEAMS));
  return teams.filter((name) => kept.has(name));
}

/** Ticks to number, each with the lowest zoom that shows it. */
function numbers(ticks: number): readonly { readonly tick: number; readonly zoom: number }[] {
  const step = (zoom: number) => {
    const least = ticks / (NUMBERS * zoom);
    return [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => one >= least) ?? Math.ceil(least / 1000) * 1000;
  };
  const found = new Map<number, number>();
  for (const zoom of ZOOMS) {
    for (let tick = 0; tick <= ticks; tick += step(zoom)) if (!found.has(tick)) found.set(tick, zoom);
  }
  return [...found].map(([tick, zoom]) => ({ tick, zoom }));
}

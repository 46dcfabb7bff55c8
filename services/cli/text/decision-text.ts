import stringWidth from "string-width";
import type { Clock } from "../../common/clock/clock.ts";
import { type Criterion, type Decision, type DecisionReason, movesName, type Release } from "../../pipeline/release.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { formatPercent, formatSeconds } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { wrap } from "../terminal/wrap.ts";
import { ageText } from "./age-text.ts";
import { intervalPlot, MAX_PLOT_WIDTH, MIN_PLOT_WIDTH, PLOT_LEGEND } from "./interval-plot.ts";

const REASONS: Readonly<Record<string, string>> = {
  worse: "the measure is worse, beyond the margin",
  inconclusive: "neither shown to be good enough nor to be worse",
  "not-confirmed": "confirm rows did not show what screen rows promised",
  guard: "a guard fails",
  slice: "a slice is worse",
  drift: "worse than the best recent release",
  transition: "the pipeline loss rises beyond the transition budget",
  missing: "a loss to compare is missing or not finite",
  spent: "the held-out rows have answered all questions of the horizon",
  manual: "a person promotes it (hold in the pipeline file)",
  freeze: "releases are frozen",
  "failed-test": "a test of the pipeline fails",
  "held-by-person": "held by a person",
  "refused-by-person": "refused by a person",
  pinned: "its component is pinned",
  "self-defeating-after-retraining": "still worse with consumers retrained on it",
  moved: "it is in use anyway, since the gate only observes",
};

/** Why a gate did not promote, in words; a reason that this version does not know stands for itself. */
export function reasonsText({ reasons, needs }: Pick<Decision, "reasons" | "needs">): string {
  const said = reasons
    .filter((reason) => reason !== "needs")
    .map((reason: DecisionReason) => REASONS[reason] ?? reason);
  return [...(needs.length === 0 ? [] : [`needs ${needs.join(", ")} retrained on it`]), ...said].join("; ");
}

/** A decision in one line: `m1@2  held: needs m2 retrained on it`. */
export function decisionLine(decision: Decision, style: Style): string {
  const { moves, decision: kind, mode } = decision;
  const observed = mode === "observe" ? " (observed)" : "";
  const why = reasonsText(decision);
  return `${style.bold(plain(movesName(moves)))}  ${colored(style, kind)}${observed}${plain(why === "" ? "" : `: ${why}`)}`;
}

/** Lines are wrapped to this width without a terminal. */
const PROSE_WIDTH = 100;

/**
 * All that is shown of a decision: first what was decided and what happens next, then one line a criterion with its number,
 * limit and tick, then what it was judged beside.
 * @param releases all, oldest first @param width of the terminal
 */
export function decisionLines(
  { position, value }: Logged<Decision>,
  releases: readonly Release[],
  style: Style,
  width: number,
  clock: Pick<Clock, "now">,
): string[] {
  const prose = Math.min(width, PROSE_WIDTH);
  const said = (text: string) => wrap(plain(text), prose - 2).map((line) => `  ${line}`);
  const criteria = criterionLines(value.criteria, style, width);
  const [head = "", ...more] = wrap(decisionLine(value, style), prose);
  return [
    head,
    ...more.map((line) => `  ${line}`),
    ...criteria.lines,
    ...(value.detail === undefined ? [] : said(value.detail)),
    ...said(fateText(position, value, releases)),
    ...said(besideText(value, clock)).map(style.dim),
    ...(criteria.hasPlots ? [style.dim(`  ${PLOT_LEGEND}`)] : []),
  ];
}

/** What became of a decision. */
function fateText(position: number, decision: Decision, releases: readonly Release[]): string {
  const { decision: kind, release, mode, needs } = decision;
  const made = releases.find(({ cause }) => cause.type === "decision" && cause.position === position);
  if (made !== undefined) return `in use since release ${made.number}`;
  if (mode === "observe") return "observed: what is in use does not depend on it";
  const newest = releases.at(-1)?.number ?? 0;
  if (kind === "void") return `void: it was not carried out, because release ${release} was replaced first`;
  if (newest !== release) return `void: release ${release} was replaced, so it is decided again if it is still newer`;
  if (kind === "promoted") return "about to be released";
  if (kind === "refused") return "a person can promote it with uncouple promote --override";
  if (needs.length > 0)
    return `waits for a snapshot of ${needs.join(", ")} that is trained on it, or for a person to promote it`;
  return "waits for another release, a newer snapshot, or a person to promote it";
}

function besideText({ release, asked, generation, by, seconds, at }: Decision, clock: Pick<Clock, "now">): string {
  const question =
    asked === null
      ? "no question asked"
      : `question ${asked.question.toLocaleString("en-US")} on the ${asked.part} rows of generation ${generation}`;
  return `judged beside release ${release}, ${question}; by ${by} in ${formatSeconds(seconds)}, ${ageText(at, clock)} ago`;
}

/** One line a criterion: `pipeline loss  +98 % [88, 107]  below +0.5 %  ✗  │┊     ├─●─┤`. A narrow terminal gets no plots. */
function criterionLines(
  criteria: readonly Criterion[],
  style: Style,
  width: number,
): { readonly lines: readonly string[]; readonly hasPlots: boolean } {
  const rows = criteria.map((criterion) => [
    plain(nameOf(criterion)),
    numberOf(criterion),
    limitOf(criterion),
    tickOf(criterion),
  ]);
  const widths = [0, 1, 2, 3].map((at) => Math.max(0, ...rows.map((row) => stringWidth(row[at] ?? ""))));
  const room = Math.min(MAX_PLOT_WIDTH, width - widths.reduce((sum, one) => sum + one + 2, 2));
  const hasPlots = room >= MIN_PLOT_WIDTH && criteria.some(({ difference }) => difference !== null);
  const lines = criteria.map((criterion, line) => {
    const [name, number, limit, tick = ""] = (rows[line] ?? []).map(
      (cell, at) => cell + " ".repeat((widths[at] ?? 0) - stringWidth(cell)),
    );
    const color = tick.startsWith("✓") ? style.green : style.red;
    const plot = hasPlots ? intervalPlot(criterion, room) : "";
    return `  ${name}  ${number}  ${limit}  ${color(tick)}  ${plot}`.trimEnd();
  });
  return { lines, hasPlots };
}

/** A criterion in words: `pipeline loss +98 % [88, 107], below +0.5 %: ✗`. */
export function criterionText(criterion: Criterion): string {
  return `${plain(nameOf(criterion))} ${numberOf(criterion)}, ${limitOf(criterion)}: ${tickOf(criterion)}`;
}

function nameOf({ name, subject = "" }: Criterion): string {
  switch (name) {
    case "composed":
      return "pipeline loss";
    case "audited":
      return "audited loss";
    case "transition":
      return "transition";
    case "drift":
      return subject === "" ? "drift" : `drift from ${subject}`;
    case "guard":
    case "slice":
      return `${name} ${subject}`;
  }
}

function numberOf({ difference, interval }: Criterion): string {
  if (difference === null) return "not measured";
  const ends = (interval ?? []).map((end) => formatPercent(100 * end, false).replace(" %", ""));
  return `${formatPercent(100 * difference)}${ends.length === 0 ? "" : ` [${ends.join(", ")}]`}`;
}

function limitOf({ name, margin }: Criterion): string {
  return name === "slice" ? "not worse" : `below ${margin === 0 ? "0 %" : formatPercent(100 * margin)}`;
}

/** What screen rows promise; confirm rows have the last word, where they were asked. */
function tickOf({ screened, confirmed }: Criterion): string {
  if (!screened) return "✗";
  if (confirmed === null) return "✓";
  return confirmed ? "✓ confirmed" : "✗ not confirmed";
}

import { mean } from "../../common/statistics.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import { movesName } from "../../pipeline/release.ts";
import type { MaybeLoss } from "../../pipeline/verdict.ts";
import type { Backtest, BacktestDecision } from "../../releases/backtest/backtest.ts";
import { formatNumber, formatPercent, relativeChange } from "../../report/numbers.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";
import { reasonsText } from "./decision-text.ts";
import { testLines } from "./model-test-text.ts";

export interface BacktestResult extends Backtest {
  /** Numbers of rows. */
  readonly rows: Readonly<Record<"screen" | "confirm" | "reserve" | "all" | "unseen", number>>;
}

const NAMES_SHOWN = 8;
const count = (value: number) => value.toLocaleString("en-US");

/** What a reader should know before believing a backtest. */
export const CAVEATS: readonly string[] = [
  "Teams trained on what was really in use. With this gate, other models would have been trained; the replay decides about those that there are.",
  "Estimates are of all rows of the backtest, on which the replayed gate has decided as well, so they favor its decisions.",
  "Orders of people, freezes, and training on candidates are not replayed.",
];

export function backtestText(result: BacktestResult, style: Style, width: number): string {
  const prose = Math.min(width, 100);
  const facts = backtestFacts(result).flatMap(([name, value]) => {
    const [first = "", ...more] = wrap(plain(value), prose - 12);
    return [`${style.dim(name.padEnd(12))}${first}`, ...more.map((line) => `${" ".repeat(12)}${line}`)];
  });
  const notes = [...CAVEATS, ...missingNotes(result)].flatMap((note) => wrap(plain(note), prose));
  const failing = result.outcomes
    .filter(failsTest)
    .flatMap(({ moves, tests }) => [style.bold(plain(movesName(moves))), ...testLines(tests, style)]);
  const lines = [...facts, "", outcomesTable(result.outcomes, style, width), ...failing];
  return [...lines, ...(failing.length === 0 ? [] : [""]), ...notes.map(style.dim)].join("\n");
}

/** The numbers of a backtest, for text and pages. */
export function backtestFacts(result: BacktestResult): readonly (readonly [name: string, value: string])[] {
  const { gate, digest, rows, steps, releases, questions, outcomes, falseRefusals, falsePromotions, sets } = result;
  const of = (kind: BacktestDecision["decision"]) => outcomes.filter(({ decision }) => decision === kind).length;
  const unseen =
    rows.unseen === 0 ? "" : `; ${count(rows.unseen)} rows that the gate in force keeps to itself were not read`;
  return [
    [
      "gate",
      `${digest.slice(0, 12)}: ${gate.require} ${gate.measure} loss, margin ${percent(gate.margin)}, sets: ${sets}`,
    ],
    ["rows", `${count(rows.all)}: ${count(rows.screen)} screen, ${count(rows.confirm)} confirm${unseen}`],
    [
      "replayed",
      steps.length === 0
        ? "nothing: no snapshot is newer"
        : `${count(steps.length)} snapshots, ${steps[0]?.at} to ${steps.at(-1)?.at}`,
    ],
    [
      "loss",
      `at the end ${change(steps.at(-1)?.replayed, steps.at(-1)?.actual)}; on average ${change(average(steps, "replayed"), average(steps, "actual"))}`,
    ],
    [
      "releases",
      `${count(releases.filter(({ cause }) => cause === "decision").length)} by the gate, ${count(result.actualReleases)} really`,
    ],
    ["questions", `${count(questions.asked)} of ${count(questions.horizon)}`],
    [
      "decisions",
      `${of("promoted")} promoted, ${of("held")} held, ${of("refused")} refused, by the last decision on each`,
    ],
    ...(outcomes.every(({ tests }) => tests.length === 0)
      ? []
      : [
          [
            "tests",
            `${count(outcomes.filter(failsTest).length)} of ${count(outcomes.length)} updates fail one`,
          ] as const,
        ]),
    [
      "mistaken",
      `${falseRefusals.length} of ${of("refused")} refused and yet better${named(falseRefusals)}; ${falsePromotions.length} of ${of("promoted")} promoted and yet worse beyond the margin${named(falsePromotions)}`,
    ],
  ];
}

function failsTest({ tests }: Pick<BacktestDecision, "tests">): boolean {
  return tests.some(({ passed }) => !passed);
}

/** Retention, quarantine, and evaluators that were not done leave gaps. */
export function missingNotes({ missing }: Pick<Backtest, "missing">): readonly string[] {
  const said = (snapshots: readonly SnapshotId[], what: string) => {
    if (snapshots.length === 0) return [];
    const more = snapshots.length > NAMES_SHOWN ? ` and ${count(snapshots.length - NAMES_SHOWN)} more` : "";
    return [`Not replayed, because ${what}: ${snapshots.slice(0, NAMES_SHOWN).map(snapshotName).join(", ")}${more}.`];
  };
  return [
    ...said(missing.deleted, "retention has deleted their models"),
    ...said(missing.quarantined, "they are quarantined"),
    ...said(missing.unjudged, "they have no verdict"),
  ];
}

/** The estimate of a decision: `-1.2 % [-2.0, -0.4]`. */
export function estimateText({ estimate }: Pick<BacktestDecision, "estimate">): string {
  if (estimate === null) return "-";
  const [low, high] = estimate.interval.map((end) => formatPercent(100 * end, false).replace(" %", ""));
  return `${formatPercent(100 * estimate.difference)} [${low}, ${high}]`;
}

export function reallyText({ really }: Pick<BacktestDecision, "really">): string {
  return really === null ? "never in use" : `release ${really}`;
}

function outcomesTable(outcomes: readonly BacktestDecision[], style: Style, width: number): string {
  if (outcomes.length === 0) return "";
  const rows = outcomes.map((outcome) => [
    style.bold(plain(movesName(outcome.moves))),
    colored(style, outcome.decision),
    plain(estimateText(outcome)),
    plain(reallyText(outcome)),
    plain(reasonsText(outcome)),
  ]);
  const columns = [
    { title: "UPDATE", wraps: true },
    { title: "DECISION" },
    { title: "ESTIMATE", number: true },
    { title: "REALLY" },
    { title: "WHY", wraps: true },
  ];
  return formatTable(columns, rows, style, width);
}

function percent(fraction: number): string {
  return formatPercent(100 * fraction, false);
}

function named(decisions: readonly BacktestDecision[]): string {
  return decisions.length === 0 ? "" : ` (${decisions.map(({ moves }) => movesName(moves)).join("; ")})`;
}

/** Over the steps at which both were measured. */
function average(steps: Backtest["steps"], which: "actual" | "replayed"): MaybeLoss {
  const both = steps.filter(({ actual, replayed }) => actual !== null && replayed !== null);
  return both.length === 0 ? null : mean(both.map((step) => step[which] as number));
}

function change(replayed: MaybeLoss | undefined, actual: MaybeLoss | undefined): string {
  const relative = actual == null || replayed == null ? undefined : relativeChange(actual, replayed);
  return `${formatNumber(replayed)} with the gate, ${formatNumber(actual)} really (${formatPercent(relative)})`;
}

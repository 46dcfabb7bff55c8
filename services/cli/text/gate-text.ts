import type { FreezeWindow, GatePolicy } from "../../pipeline/gate.ts";
import type { HeldOutGeneration } from "../../pipeline/generation.ts";
import { DECISIONS, type Decision } from "../../pipeline/release.ts";
import type { Resolution } from "../../releases/gate/resolution.ts";
import { formatPercent } from "../../report/numbers.ts";
import { plain, type Style } from "../terminal/style.ts";
import { wrap } from "../terminal/wrap.ts";

/** Questions asked of the held-out rows in use, and those left. */
export interface QuestionsLeft {
  readonly confirm: number;
  readonly reserve: number;
  readonly isReserveOpen: boolean;
  readonly left: number;
}

export interface GateReport {
  readonly gate: GatePolicy | null;
  /** SHA-256 (hex) of the policy. */
  readonly digest: string | null;
  readonly freeze: readonly FreezeWindow[];
  /** End of the freeze in force, ISO 8601, `null` if it has none; undefined if none is. */
  readonly frozenUntil?: string | null;
  /** The held-out rows in use; null before an evaluator has read them. */
  readonly heldOut: Pick<HeldOutGeneration, "generation" | "rows" | "startedAt"> | null;
  readonly questions: QuestionsLeft | null;
  readonly resolution: Resolution | null;
  /** How many decisions of each kind the ledger has. */
  readonly decisions: Readonly<Record<Decision["decision"], number>>;
}

const count = (value: number) => value.toLocaleString("en-US");
const percent = (fraction: number) => formatPercent(100 * fraction, false);
const NOTHING_KNOWN = { detectable: null, rowsNeeded: null };
const NO_GATE =
  "The pipeline file in force has no gate: the newest judged snapshots are in use, except those of pinned components. Add `gate: {}` to see what a gate would decide, and `mode: enforce` to let it decide.";

export function gateText(report: GateReport, style: Style, width: number): string {
  const { gate, heldOut, decisions } = report;
  const prose = Math.min(width, 100);
  const rows: (readonly [string, string])[] = gate === null ? [] : policyRows(gate, report.digest ?? "");
  rows.push(["frozen", freezeText(report)]);
  if (heldOut !== null && gate !== null) rows.push(...rowRows(report, gate, heldOut));
  const made = DECISIONS.filter((kind) => decisions[kind] > 0).map((kind) => `${count(decisions[kind])} ${kind}`);
  rows.push(["decisions", made.length === 0 ? "none yet" : made.join(", ")]);
  const lines = rows.flatMap(([name, value]) => {
    const [first = "", ...more] = wrap(plain(value), prose - 14);
    return [`${style.dim(name.padEnd(14))}${first}`, ...more.map((line) => `${" ".repeat(14)}${line}`)];
  });
  return [...(gate === null ? [...wrap(NO_GATE, prose), ""] : []), ...lines].join("\n");
}

function policyRows(gate: GatePolicy, digest: string): (readonly [string, string])[] {
  const { mode, require, measure, margin, transitionBudget, guards, slices, hold, bootstrap } = gate;
  const guarded = Object.entries(guards).map(([name, within]) => `${name} within ${percent(within)}`);
  const list = (names: readonly string[]) => (names.length === 0 ? "-" : names.join(", "));
  return [
    ["mode", `${mode}${mode === "observe" ? ": says what it would do, while the newest snapshots are in use" : ""}`],
    ["require", `${require} ${measure === "both" ? "composed loss, audited loss not inferior" : `${measure} loss`}`],
    ["margin", percent(margin)],
    ...(measure === "audited" ? [["transition", `composed loss within ${percent(transitionBudget)}`] as const] : []),
    ["guards", list(guarded)],
    ["slices", list(slices)],
    ["hold", list(hold)],
    ["bootstrap", bootstrap],
    ["digest", digest.slice(0, 12)],
  ];
}

function freezeText({ freeze, frozenUntil }: GateReport): string {
  if (frozenUntil === undefined) return freeze.length === 0 ? "-" : "not now";
  return frozenUntil === null ? "now, without an end" : `now, until ${frozenUntil}`;
}

function rowRows(
  { questions, resolution }: GateReport,
  { horizon, split, margin }: GatePolicy,
  { generation, rows, startedAt }: NonNullable<GateReport["heldOut"]>,
): (readonly [string, string])[] {
  const [screen, confirm, reserve] = split.map((share) => Math.round(share * rows));
  const { confirm: asked = 0, reserve: askedReserve = 0, isReserveOpen = false, left = 0 } = questions ?? {};
  const of = `of ${count(horizon)}`;
  return [
    [
      "held-out rows",
      `generation ${generation}, since ${startedAt}: about ${count(screen ?? 0)} screen, ${count(confirm ?? 0)} confirm, ${count(reserve ?? 0)} reserve`,
    ],
    [
      "questions",
      `${count(asked)} ${of} asked of the confirm rows; reserve ${isReserveOpen ? `open, ${count(askedReserve)} ${of} asked` : "closed"}; ${left === 0 ? spentText(isReserveOpen) : `${count(left)} left`}`,
    ],
    ["tells apart", resolutionText(resolution ?? NOTHING_KNOWN, margin)],
  ];
}

function spentText(isReserveOpen: boolean): string {
  const next = isReserveOpen ? "" : "open the reserve (uncouple gate --open-reserve), ";
  return `none left, so updates are held: ${next}hold out new rows, or promote by hand`;
}

function resolutionText(
  { detectable, rowsNeeded }: Pick<Resolution, "detectable" | "rowsNeeded">,
  margin: number,
): string {
  if (detectable === null) return "not known before the first decisions";
  const needed =
    rowsNeeded === null
      ? ""
      : `; as little as the margin, ${percent(margin)}, with about ${count(rowsNeeded)} held-out rows`;
  return `about ${percent(detectable)} of the loss in one question, by recent decisions${needed}`;
}

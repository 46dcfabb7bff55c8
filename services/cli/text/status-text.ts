import type { Clock } from "../../common/clock/clock.ts";
import { snapshotName, titleOf } from "../../pipeline/manifest.ts";
import type { DecisionReason, Release, Served } from "../../pipeline/release.ts";
import { causeText } from "../../releases/cause-text.ts";
import type { CandidateStatus, ComponentStatus } from "../../releases/release-status.ts";
import { formatNumber } from "../../report/numbers.ts";
import type { EvaluatorStatus } from "../../rpc/services/evaluator-service.ts";
import type { TrainerStatus } from "../../rpc/services/trainer-service.ts";
import { colored, plain, type Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import { wrap } from "../terminal/wrap.ts";
import { ageText } from "./age-text.ts";
import { reasonsText } from "./decision-text.ts";

export interface StatusReport {
  readonly pipeline: string;
  /** Mode of the gate in force; null without one. */
  readonly gate: "observe" | "enforce" | null;
  /** The newest; null before the first. */
  readonly release: Release | null;
  readonly components: readonly ComponentStatus[];
  /** What followers of releases serve. */
  readonly followers: readonly Served[];
  /** Null if none was asked, or it could not be reached. */
  readonly evaluator: EvaluatorStatus | null;
  /** Those of the trainers that could be reached. */
  readonly trainers: readonly TrainerStatus[];
}

/** @param width of the terminal */
export function statusText(report: StatusReport, style: Style, width: number, clock: Pick<Clock, "now">): string {
  const { pipeline, gate, release, followers, evaluator } = report;
  const prose = Math.min(width, 100);
  const since =
    release === null
      ? "no release yet"
      : `release ${release.number} for ${ageText(release.at, clock)}, ${causeText(release)}`;
  const candidates = candidateLines(report, style, prose, clock);
  return [
    ...wrap(`${style.bold(plain(pipeline))}  ${plain(since)}; ${gate === null ? "no gate" : `gate: ${gate}`}`, prose),
    "",
    componentTable(report, style, width).trimEnd(),
    ...notLinkedLines(report, style, prose),
    ...(candidates.length === 0 ? [] : ["", style.bold("Candidates"), ...candidates]),
    ...(followers.length === 0
      ? []
      : ["", style.bold("Followers"), ...followers.map((one) => followerLine(one, release, style, clock))]),
    ...(evaluator === null ? [] : ["", evaluatorLine(evaluator)]),
  ].join("\n");
}

function componentTable({ components, trainers }: StatusReport, style: Style, width: number): string {
  const states = new Map(trainers.map((trainer) => [trainer.component, trainer]));
  const columns = ["COMPONENT", "IN USE", "NEWEST", "PINNED", ...(trainers.length === 0 ? [] : ["TRAINER"])];
  const rows = components.map(({ component, inUse, newest, origin, shared, isPinned }) => {
    const named = (serial: number | null) => (serial === null ? "-" : snapshotName({ component, serial }));
    const trainer = states.get(component);
    const queued = trainer === undefined || trainer.queued === 0 ? "" : `, ${trainer.queued} queued`;
    const ready = trainer?.problem == null ? "" : ", cannot start";
    const owner = origin?.pipeline ?? shared?.from.split("/")[0];
    const elsewhere = owner === undefined ? "-" : `pipeline ${owner}`;
    const state = trainer === undefined ? elsewhere : `${trainer.state}${queued}${ready}`;
    return [
      component,
      named(inUse),
      newest === null ? "-" : titleOf({ component, serial: newest }, origin),
      isPinned ? "yes" : "-",
      ...(trainers.length === 0 ? [] : [state]),
    ].map(plain);
  });
  return formatTable(
    columns.map((title) => ({ title })),
    rows,
    style,
    width,
  );
}

/** Components of other pipelines that lack what their owners use. */
function notLinkedLines({ components }: StatusReport, style: Style, width: number): string[] {
  const lines = components.flatMap(({ component, shared }) => {
    if (shared === undefined || shared.notLinked === null) return [];
    const text = `${style.bold(plain(component))}  ${plain(`${shared.from}: ${shared.notLinked}`)}`;
    return hanging(text, width);
  });
  return lines.length === 0 ? [] : ["", style.yellow("Not up to date with their owners"), ...lines];
}

/** Wraps an entry of a list below its heading. */
function hanging(text: string, width: number): string[] {
  return wrap(text, width - 4).map((line, index) => `${index === 0 ? "  " : "    "}${line}`);
}

/** Candidates of each component that are shown, the newest. */
const MOST_CANDIDATES = 5;

function candidateLines(
  { components, gate }: StatusReport,
  style: Style,
  width: number,
  clock: Pick<Clock, "now">,
): string[] {
  return components.flatMap((status) => {
    const { component, candidates } = status;
    const shown = candidates.slice(-MOST_CANDIDATES);
    const more = candidates.length - shown.length;
    return [
      ...(more === 0 ? [] : [style.dim(`  ${more} older of ${plain(component)}`)]),
      ...shown.flatMap((candidate) => {
        const name = snapshotName({ component, serial: candidate.serial });
        const text = `${style.bold(plain(name))}  ${standingText(candidate, status, gate, style)}${style.dim(`, published ${ageText(candidate.publishedAt, clock)} ago`)}`;
        return hanging(text, width);
      }),
    ];
  });
}

const BY_PERSON: readonly DecisionReason[] = ["held-by-person", "refused-by-person"];

function standingText(
  { decision, order, verdict }: CandidateStatus,
  { inUse, isPinned }: ComponentStatus,
  gate: StatusReport["gate"],
  style: Style,
): string {
  const said =
    order === null
      ? ""
      : `; ${order.verb === "refuse" ? "refused" : "held"} by ${order.by}${order.reason === null ? "" : `: ${order.reason}`}`;
  if (gate === "enforce" && inUse === null) {
    return plain(`waits for the first release of its component (verdict: ${verdict})${said}`);
  }
  if (decision !== null) {
    // The order says who and why.
    const reasons =
      order === null ? decision.reasons : decision.reasons.filter((reason) => !BY_PERSON.includes(reason));
    const why = reasonsText({ ...decision, reasons });
    return `${colored(style, decision.decision)}${plain(`${why === "" ? "" : `: ${why}`}${said}`)}`;
  }
  const waiting =
    gate !== null ? "not decided yet" : isPinned ? "not used: the component is pinned" : "not released yet";
  return plain(`${waiting} (verdict: ${verdict})${said}`);
}

function followerLine(
  { follower, release, since }: Served,
  newest: Release | null,
  style: Style,
  clock: Pick<Clock, "now">,
): string {
  const serves = `  ${plain(follower)} serves release ${release} for ${ageText(since, clock)}`;
  return newest === null || newest.number === release
    ? serves
    : style.yellow(`${serves}; release ${newest.number} is out`);
}

function evaluatorLine({ evaluator, state, pending, loss, gate }: EvaluatorStatus): string {
  const left = gate?.questionsLeft ?? null;
  const questions = left === null ? "" : `, questions left: ${left.toLocaleString("en-US")}`;
  return plain(
    `evaluator ${evaluator} is ${state}: ${pending} to judge, pipeline loss ${formatNumber(loss)}${questions}`,
  );
}

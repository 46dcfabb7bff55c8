import { parseVerdict } from "../../pipeline/documents/verdict-schema.ts";
import type { ConsistencyGap, Logged, PairedComparison, Verdict } from "../../pipeline/verdict.ts";
import type { Comparison__Output, Comparison as ComparisonMessage } from "../gen/uncouple/v1/Comparison.ts";
import type { ConsistencyGap__Output, ConsistencyGap as GapMessage } from "../gen/uncouple/v1/ConsistencyGap.ts";
import type { Interval, Interval__Output } from "../gen/uncouple/v1/Interval.ts";
import type { LoggedVerdict as LoggedMessage, LoggedVerdict__Output } from "../gen/uncouple/v1/LoggedVerdict.ts";
import type { Verdict__Output, Verdict as VerdictMessage } from "../gen/uncouple/v1/Verdict.ts";
import { parseJson } from "./documents.ts";
import { decodeUint64, optional, required, same, serials, uint32 } from "./fields.ts";
import { decodeOther, encodeOther } from "./struct.ts";

export function encodeVerdict({ position, value }: Logged<Verdict>): LoggedMessage {
  return { position: String(position), value: encodeValue(value) };
}

/** Evaluators of version 0.1.0 send the verdict as JSON. @throws UncoupleError `data-loss` */
export function decodeVerdict(message: LoggedVerdict__Output): Logged<Verdict> {
  return {
    position: decodeUint64("position", message.position, "data-loss"),
    value: parseVerdict(message.value === null ? parseJson(message.verdict, "verdict") : decodeValue(message.value)),
  };
}

/** Sent in `other`, like the optional fields of a comparison. */
type InOther = "interfaceShift" | "consistency" | "tests" | "origin";

/** A new field of a verdict does not compile until it has a place here and in the codec. */
const fieldsOfVerdict = Object.keys({
  version: true,
  pipeline: true,
  component: true,
  serial: true,
  kind: true,
  reason: true,
  componentLoss: true,
  componentInterval: true,
  comparison: true,
  alternatives: true,
  method: true,
  level: true,
  rows: true,
  groups: true,
  heldOut: true,
  release: true,
  pipelineDigest: true,
  evaluator: true,
  seconds: true,
  judgedAt: true,
} satisfies Record<Exclude<keyof Verdict, InOther>, true>);

function encodeValue(verdict: Verdict): VerdictMessage {
  const { componentLoss, componentInterval, heldOut } = verdict;
  return {
    pipeline: verdict.pipeline,
    component: verdict.component,
    serial: uint32(verdict.serial, "serial"),
    kind: verdict.kind,
    ...optional("reason", verdict.reason ?? null, same),
    componentLoss: {
      ...optional("current", componentLoss.current, same),
      ...optional("candidate", componentLoss.candidate, same),
      ...encodeOther(componentLoss, ["current", "candidate"]),
    },
    ...optional("componentInterval", componentInterval, encodeInterval),
    ...optional("comparison", verdict.comparison, encodeComparison),
    alternatives: verdict.alternatives.map(encodeComparison),
    method: verdict.method,
    level: verdict.level,
    rows: uint32(verdict.rows, "rows"),
    ...optional("groups", verdict.groups ?? null, (groups) => uint32(groups, "groups")),
    ...optional("heldOut", heldOut ?? null, (rows) => ({
      fingerprint: rows.fingerprint,
      generation: uint32(rows.generation, "generation"),
      ...optional("question", rows.question ?? null, (question) => uint32(question, "question")),
      ...optional("horizon", rows.horizon ?? null, (horizon) => uint32(horizon, "horizon")),
      ...encodeOther(rows, ["fingerprint", "generation", "question", "horizon"]),
    })),
    ...optional("release", verdict.release ?? null, (release) => uint32(release, "release")),
    ...optional("pipelineDigest", verdict.pipelineDigest, same),
    evaluator: verdict.evaluator,
    seconds: verdict.seconds,
    judgedAt: verdict.judgedAt,
    ...encodeOther(verdict, fieldsOfVerdict),
  };
}

function decodeValue(message: Verdict__Output): object {
  const { componentLoss, componentInterval, comparison, heldOut } = message;
  const losses = required(componentLoss, "component_loss", "data-loss");
  return {
    ...decodeOther(message),
    version: 2,
    pipeline: message.pipeline,
    component: message.component,
    serial: message.serial,
    kind: message.kind,
    ...(message.reason !== undefined && { reason: message.reason }),
    componentLoss: {
      ...decodeOther(losses),
      current: losses.current ?? null,
      candidate: losses.candidate ?? null,
    },
    componentInterval: componentInterval === null ? null : decodeInterval(componentInterval),
    comparison: comparison === null ? null : decodeComparison(comparison),
    alternatives: message.alternatives.map(decodeComparison),
    method: message.method,
    level: message.level,
    rows: message.rows,
    ...(message.groups !== undefined && { groups: message.groups }),
    ...(heldOut !== null && {
      heldOut: {
        ...decodeOther(heldOut),
        fingerprint: heldOut.fingerprint,
        generation: heldOut.generation,
        ...(heldOut.question !== undefined && { question: heldOut.question }),
        ...(heldOut.horizon !== undefined && { horizon: heldOut.horizon }),
      },
    }),
    ...(message.release !== undefined && { release: message.release }),
    pipelineDigest: message.pipelineDigest ?? null,
    evaluator: message.evaluator,
    seconds: message.seconds,
    judgedAt: message.judgedAt,
  };
}

const fieldsOfComparison = [
  "current",
  "candidate",
  "currentLoss",
  "candidateLoss",
  "difference",
  "interval",
  "kind",
] as const satisfies readonly (keyof PairedComparison)[];

function encodeComparison(comparison: PairedComparison): ComparisonMessage {
  return {
    current: serials(comparison.current, "current"),
    candidate: serials(comparison.candidate, "candidate"),
    currentLoss: comparison.currentLoss,
    candidateLoss: comparison.candidateLoss,
    difference: comparison.difference,
    interval: encodeInterval(comparison.interval),
    kind: comparison.kind,
    ...encodeOther(comparison, fieldsOfComparison),
  };
}

function decodeComparison(message: Comparison__Output): PairedComparison {
  return {
    ...decodeOther(message),
    current: message.current,
    candidate: message.candidate,
    currentLoss: message.currentLoss,
    candidateLoss: message.candidateLoss,
    difference: message.difference,
    interval: decodeInterval(required(message.interval, "interval", "data-loss")),
    kind: message.kind,
  };
}

export function encodeGap({ labels, reason, interval, ...gap }: ConsistencyGap): GapMessage {
  return {
    upstream: gap.upstream,
    downstream: gap.downstream,
    kind: gap.kind,
    ...optional("reason", reason ?? null, same),
    currentLoss: gap.currentLoss,
    gap: gap.gap,
    interval: encodeInterval(interval),
    labels: labels === true,
    ...optional("relative", gap.relative, same),
  };
}

export function decodeGap(message: ConsistencyGap__Output): ConsistencyGap {
  const { upstream, downstream, kind, reason, currentLoss, gap, labels } = message;
  return {
    upstream,
    downstream,
    kind,
    ...(reason !== undefined && { reason }),
    currentLoss,
    gap,
    relative: message.relative ?? null,
    interval: decodeInterval(required(message.interval, "interval", "data-loss")),
    ...(labels && { labels }),
  };
}

export function encodeInterval([low, high]: readonly [number, number]): Interval {
  return { low, high };
}

export function decodeInterval({ low, high }: Interval__Output): readonly [number, number] {
  return [low, high];
}

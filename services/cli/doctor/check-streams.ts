import { isTransient } from "../../common/errors.ts";
import type { CopyReport, PipelineReport, StreamReport } from "../../registry/jetstream/inspect-pipeline.ts";
import { type Check, checksOf } from "./check.ts";

const streams = checksOf("streams");
const replicas = checksOf("replicas");
const clocks = checksOf("clocks");

const APPLY = "run `uncouple pipeline apply FILE` with the operator's key, which creates what is missing";
/** Servers that keep each message of a cluster: it survives the loss of any one. */
const REPLICAS = 3;
/** Seconds; the alert UncoupleClockSkew has the first one, too. */
const SKEW = { warning: 5, failure: 3_600 };

/** Whether each stream is there, and configured as this version needs it. */
export function checkStreams(report: PipelineReport): readonly Check[] {
  const absent = [...report.absent].map(([name, reason]) => {
    if (reason === null) return streams.failure(name, "does not exist", APPLY);
    // Without the right to see it, the rights say so.
    if (!isTransient(reason)) return streams.unknown(name, reason.message, "use a key that may read the stream");
    return streams.failure(
      name,
      `does not answer: ${reason.message}`,
      "look at the servers of the cluster, of which a majority must run, and at their log",
    );
  });
  return [...absent, ...report.streams.map(checkConfig), ...checkQueue(report)];
}

function checkConfig({ stream, faults }: StreamReport): Check {
  if (faults.length === 0) return streams.ok(stream, "is configured as this version needs it");
  const settings = faults.flatMap(({ set }) => set ?? []);
  const advice = [
    ...(settings.length === 0 ? [] : [`set ${settings.join(", ")} with \`nats stream edit ${stream}\``]),
    ...(settings.length === faults.length
      ? []
      : ["what cannot be changed needs a new stream: see docs/operations.md, What to keep"]),
  ].join("; ");
  const detail = faults.map(({ what }) => what).join("; ");
  return faults.some(({ serious }) => serious)
    ? streams.failure(stream, detail, advice)
    : streams.warning(stream, detail, advice);
}

function checkQueue({ queue, restricted }: PipelineReport): readonly Check[] {
  const name = "evaluators' queue";
  if (queue === undefined) return [];
  if (queue) return [streams.ok(name, "exists")];
  return [
    restricted
      ? streams.failure(name, "does not exist, and evaluators with accounts cannot create it", APPLY)
      : streams.warning(name, "does not exist: no evaluator has connected yet", "start an evaluator"),
  ];
}

/** Whether a cluster keeps enough copies of each stream, and has all of them. */
export function checkReplicas({ clustered, streams: all }: PipelineReport): readonly Check[] {
  if (!clustered) return [replicas.ok("cluster", "none: one server has the only copy of each stream")];
  return all.map((stream) => {
    const { stream: name, replicas: wanted, leader, copies } = stream;
    const late = copies.filter(({ state }) => state !== "current");
    const text = late.map(lateText).join("; ");
    if (late.some(({ state }) => state === "silent")) {
      const restore = "bring the server back, and restart no other one before its copies are current";
      return replicas.failure(name, text, restore);
    }
    if (leader === undefined) {
      return replicas.failure(name, "has no leader", "a majority of its servers must run and reach each other");
    }
    if (wanted < REPLICAS) {
      const kept = wanted === 1 ? "one server" : `${wanted} servers`;
      return replicas.warning(
        name,
        `is kept by ${kept} of the cluster; the loss of one stops it`,
        "run `uncouple bootstrap --pipeline FILE --replicas 3` with the operator's key",
      );
    }
    if (late.length > 0) return replicas.warning(name, text, "wait; it catches up by itself");
    return replicas.ok(name, `${wanted} copies, all current`);
  });
}

function lateText({ server, state, lag, heardSecondsAgo }: CopyReport): string {
  if (state === "behind") return `${server} is ${lag === 1 ? "1 operation" : `${lag} operations`} behind`;
  const since = heardSecondsAgo === 0 ? "" : ` for ${heardSecondsAgo.toFixed(0)} s`;
  return `${server} is gone or cut off${since}`;
}

export function checkClock({ clockOffset: offset }: Pick<PipelineReport, "clockOffset">): Check {
  const name = "this machine and NATS";
  if (offset === undefined) {
    return clocks.unknown(name, "the server does not tell its time", "use nats-server 2.10 or newer");
  }
  const late = Math.abs(offset);
  const text = `this machine is ${late < 10 ? late.toFixed(2) : late.toFixed(0)} s ${offset < 0 ? "behind" : "ahead"}`;
  if (late <= SKEW.warning) return clocks.ok(name, text);
  const advice = "let time synchronization (chrony, systemd-timesyncd) run on both machines";
  const judge = late < SKEW.failure ? clocks.warning : clocks.failure;
  return judge(name, `${text}, so times in manifests and verdicts are wrong`, advice);
}

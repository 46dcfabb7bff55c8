import { restartForever } from "../common/async/restart-forever.ts";
import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { WorkItem, WorkQueue } from "../registry/backplane.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";

import type { EvaluatorGeneration } from "./held-out-generation.ts";

export interface EvaluatorLoopDeps {
  readonly queue: Pick<WorkQueue, "items">;
  readonly view: Pick<PipelineView, "follow">;
  /** Announcements are taken only while it is open; one that is being judged when it closes is finished. */
  readonly gate: Pick<PipelineGate, "opens" | "closes">;
  /** Announcements are taken once it has settled, and until its rows are refused. */
  readonly generation: Pick<EvaluatorGeneration, "settle" | "refusal">;
  /** Handles one delivery. Never throws. */
  judge(item: WorkItem): Promise<void>;
  /** The loop aborts it when a stop is forced, and once the loop has stopped. */
  readonly work: AbortController;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
  /** Closes what the judge uses, after the last delivery. */
  close(): Promise<void>;
}

/** Takes announcements from the queue, one at a time. */
export interface EvaluatorLoop {
  start(): void;
  /** As `Evaluator.stop`. */
  stop(force?: AbortSignal): Promise<void>;
  state(): "idle" | "evaluating" | "stopping";
}

export function createEvaluatorLoop(deps: EvaluatorLoopDeps): EvaluatorLoop {
  const { queue, view, gate, generation, work, reportFailure, clock } = deps;
  const taking = new AbortController();
  let evaluating = false;
  let running: Promise<void> = Promise.resolve();
  let stopped: Promise<void> | undefined;

  async function takeAll(): Promise<void> {
    await gate.opens(taking.signal);
    await generation.settle(taking.signal);
    const closed = new AbortController();
    const until = AbortSignal.any([taking.signal, closed.signal]);
    const closing = gate.closes(until).then(() => closed.abort());
    try {
      for await (const item of queue.items(until)) {
        evaluating = true;
        try {
          await deps.judge(item);
        } finally {
          evaluating = false;
        }
        if (generation.refusal() !== undefined) return;
      }
    } finally {
      closed.abort();
      await closing;
    }
  }

  async function shutDown(force: AbortSignal | undefined): Promise<void> {
    taking.abort(new UncoupleError("cancelled", "the evaluator is stopping"));
    const abortWork = () => work.abort(force?.reason);
    force?.addEventListener("abort", abortWork);
    if (force?.aborted) abortWork();
    await running;
    force?.removeEventListener("abort", abortWork);
    work.abort(new UncoupleError("cancelled", "the evaluator has stopped"));
    await deps.close();
  }

  return {
    start() {
      const onError = (error: UncoupleError) => reportFailure("taking announcements", error);
      running = restartForever({ clock, signal: taking.signal, onError }, takeAll);
      // The view follows until the work is aborted: the last evaluation may still wait for an announcement.
      view
        .follow(work.signal)
        .catch((thrown: unknown) => reportFailure("following the pipeline", asUncoupleError(thrown)));
    },
    stop(force) {
      stopped ??= shutDown(force);
      return stopped;
    },
    state() {
      if (taking.signal.aborted) return "stopping";
      return evaluating ? "evaluating" : "idle";
    },
  };
}

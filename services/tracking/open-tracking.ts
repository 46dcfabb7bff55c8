import type { Clock } from "../common/clock/clock.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { createMlflowClient, type MlflowClient } from "./mlflow-client.ts";
import { createMlflowRequests } from "./mlflow-requests.ts";
import { createRunLog, type RunLog } from "./run-log.ts";
import { createTrackingQueue, type TrackingQueue } from "./tracking-queue.ts";
import type { TrackingTarget } from "./tracking-target.ts";

export interface Tracking {
  /** The runs of the pipeline's experiment. */
  readonly log: RunLog;
  readonly queue: TrackingQueue;
}

export interface TrackingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Opens the tracking of a trainer's runs; without a target, only its metrics. Does not connect.
 * @param pipeline its name, which is that of the experiment
 */
export function openTracking(
  target: TrackingTarget | undefined,
  pipeline: string,
  deps: TrackingDeps,
): Tracking | undefined {
  const { clock } = deps;
  const warn = (message: string) => deps.log.warn(message);
  const dropped = droppedCounter(deps.metrics);
  const queue = target && createTrackingQueue({ clock, warn, onDropped: (count) => dropped.inc(count) });
  deps.metrics.gauge({
    name: "uncouple_tracking_waiting",
    help: "What waits to be logged to the tracking server.",
    collect: (gauge) => gauge.set(queue?.size() ?? 0),
  });
  if (target === undefined || queue === undefined) return undefined;
  return { log: createRunLog({ experiment: pipeline, client: openClient(target, clock), warn }), queue };
}

export function openClient(target: TrackingTarget, clock: Clock): MlflowClient {
  return createMlflowClient(createMlflowRequests(target, clock));
}

export function droppedCounter(metrics: Metrics): ReturnType<Metrics["counter"]> {
  const dropped = metrics.counter({
    name: "uncouple_tracking_dropped_total",
    help: "What was not logged to the tracking server: it was away for too long, or refused it.",
  });
  dropped.inc(0);
  return dropped;
}

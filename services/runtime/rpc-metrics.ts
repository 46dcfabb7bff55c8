import type { FinishedCall } from "../common/finished-call.ts";
import { type Metrics, rpcBuckets } from "./metrics.ts";

/**
 * Counts every gRPC call by method and code, and the latency of those that are not streams (a watch that stays open
 * for an hour says nothing of latency).
 */
export function rpcMetrics(metrics: Metrics): (call: FinishedCall) => void {
  const labels = ["method", "code"] as const;
  const handled = metrics.counter({
    name: "uncouple_rpc_handled_total",
    help: "gRPC calls finished, by method and status code.",
    labels,
  });
  const latency = metrics.histogram({
    name: "uncouple_rpc_duration_seconds",
    help: "Time from the arrival of a unary gRPC call to its status, by method and status code.",
    labels,
    buckets: rpcBuckets,
  });
  return ({ method, code, stream, seconds }) => {
    handled.inc({ method, code });
    if (!stream) latency.observe({ method, code }, seconds);
  };
}

import type { FinishedCall } from "../common/finished-call.ts";
import { type Metrics, rpcBuckets } from "./metrics.ts";

/**
 * Returns an observer that counts gRPC calls by method and code and measures the latency of unary calls. The duration
 * of a stream says nothing about latency.
 */
export function rpcMetrics(metrics: Metrics): (call: FinishedCall) => void {
  const labels = ["method", "code"] as const;
  const handled = metrics.counter({
    name: "uncouple_rpc_handled_total",
    help: "Finished gRPC calls by method and status code.",
    labels,
  });
  const latency = metrics.histogram({
    name: "uncouple_rpc_duration_seconds",
    help: "Duration of unary gRPC calls from arrival to status, by method and status code.",
    labels,
    buckets: rpcBuckets,
  });
  return ({ method, code, stream, seconds }) => {
    handled.inc({ method, code });
    if (!stream) latency.observe({ method, code }, seconds);
  };
}

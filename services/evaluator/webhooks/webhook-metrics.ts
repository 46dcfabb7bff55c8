import type { Clock } from "../../common/clock/clock.ts";
import type { Metrics } from "../../runtime/metrics.ts";

export interface WebhookMetrics {
  /** A message waits for its first attempt. @returns to be called when it was acknowledged or given up */
  waiting(): () => void;
  attempted(outcome: "acknowledged" | "failed"): void;
}

export function createWebhookMetrics(metrics: Metrics, clock: Pick<Clock, "elapsed">): WebhookMetrics {
  const attempts = metrics.counter({
    name: "uncouple_webhook_attempts_total",
    help: "Attempts of this evaluator to deliver to webhooks, by outcome.",
    labels: ["outcome"],
  });
  for (const outcome of ["acknowledged", "failed"]) attempts.inc({ outcome }, 0);
  /** When each message in work was first to be delivered. */
  const since = new Map<symbol, number>();
  metrics.gauge({
    name: "uncouple_webhook_waiting_seconds",
    help: "How long the message that waits longest for its webhook has waited; 0 if none does.",
    collect(gauge) {
      const first = Math.min(...since.values());
      gauge.set(since.size === 0 ? 0 : (clock.elapsed() - first) / 1000);
    },
  });
  return {
    waiting() {
      const message = Symbol("message");
      since.set(message, clock.elapsed());
      return () => void since.delete(message);
    },
    attempted: (outcome) => attempts.inc({ outcome }),
  };
}

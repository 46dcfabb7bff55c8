import type { Metrics } from "./metrics.ts";

/** Of the hosts that run models from the store. */
export interface InferenceMetrics {
  onDeath(cause: string): void;
  onRestart(): void;
}

/**
 * @param causes of deaths: the values of their label
 * @param heldBytes memory that the hosts use for later calls, by kind
 */
export function inferenceMetrics(
  metrics: Metrics,
  causes: readonly string[],
  heldBytes: () => Readonly<Record<string, number>>,
): InferenceMetrics {
  const deaths = metrics.counter({
    name: "uncouple_inference_deaths_total",
    help: "Inference hosts that ended while they ran a model, by cause.",
    labels: ["cause"],
  });
  const restarts = metrics.counter({
    name: "uncouple_inference_restarts_total",
    help: "Inference hosts that were started in place of another.",
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const cause of causes) deaths.inc({ cause }, 0);
  metrics.gauge({
    name: "uncouple_inference_bytes",
    help: "Memory that inference hosts use for later calls, by kind; as of the last call of each.",
    labels: ["kind"],
    collect(gauge) {
      for (const [kind, bytes] of Object.entries(heldBytes())) gauge.set({ kind }, bytes);
    },
  });
  return { onDeath: (cause) => deaths.inc({ cause }), onRestart: () => restarts.inc() };
}

import type { ConnectionState } from "../common/connection-state.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { FOLLOWER_STEPS, type FollowerStep } from "./follower.ts";

export interface FollowerGauges {
  /** The newest release of the ledger, and the one that is served. */
  released(): number | undefined;
  served(): number | undefined;
  nats(): ConnectionState | "connecting";
}

export interface FollowerMetrics {
  failed(step: FollowerStep): void;
}

export function createFollowerMetrics(metrics: Metrics, { released, served, nats }: FollowerGauges): FollowerMetrics {
  const number = (name: string, help: string, read: () => number | undefined) =>
    metrics
      .gauge({
        name,
        help,
        collect(gauge) {
          const value = read();
          if (value === undefined) gauge.remove();
          else gauge.set(value);
        },
      })
      .remove();
  number("uncouple_follower_released", "Number of the newest release that the follower has seen.", released);
  number("uncouple_follower_served", "Number of the release that is linked and taken up.", served);
  const failures = metrics.counter({
    name: "uncouple_follower_failures_total",
    help: "Failed attempts of the follower, by action.",
    labels: ["action"],
  });
  for (const step of FOLLOWER_STEPS) failures.inc({ action: step }, 0);
  metrics.states({
    name: "uncouple_nats_connection_state",
    help: "1 for the current state of the NATS connection, 0 for the others.",
    states: ["connecting", "connected", "reconnecting", "closed"],
    read: nats,
  });
  return { failed: (step) => failures.inc({ action: step }) };
}

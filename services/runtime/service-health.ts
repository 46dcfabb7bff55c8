import type { ConnectionState } from "../common/connection-state.ts";
import { type HealthCheck, serveHealthHttp } from "./http.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

export interface ServiceHealthSettings {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  /** Name of the service, which `/readyz` reports while it stops. */
  readonly service: string;
  /** State of the NATS connection; `connecting` before the first one is established. */
  nats(): ConnectionState | "connecting";
  /** Further readiness checks by name. */
  readonly ready: Readonly<Record<string, HealthCheck>>;
  /** As `HealthHttpSettings.parts`. */
  readonly parts?: Readonly<Record<string, HealthCheck>>;
}

/**
 * Serves `/metrics`, `/livez` and `/readyz` of a service until its lifecycle ends. The service is ready if it is not
 * stopping, NATS is connected, and all checks in `ready` pass. Exports the connection state as a metric.
 * @returns the port
 * @throws UncoupleError `failed-precondition` if it cannot listen on the port
 */
export async function serveServiceHealth(settings: ServiceHealthSettings): Promise<number> {
  const { host, port, metrics, lifecycle, service, nats, ready, parts } = settings;
  const http = await serveHealthHttp({
    host,
    port,
    metrics,
    live: () => undefined,
    ready: {
      [service]: () => (lifecycle.stopping.aborted ? "stopping" : undefined),
      nats: () => (nats() === "connected" ? undefined : nats()),
      ...ready,
    },
    parts,
  });
  lifecycle.onCleanup("http", () => http.close());
  metrics.states({
    name: "uncouple_nats_connection_state",
    help: "1 for the current state of the NATS connection, 0 for the others.",
    states: ["connecting", "connected", "reconnecting", "closed"],
    read: nats,
  });
  return http.port;
}

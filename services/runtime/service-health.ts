import type { ConnectionState } from "../common/connection-state.ts";
import { type HealthCheck, serveHealthHttp } from "./http.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

export interface ServiceHealthSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  /** Of the service, in what `/readyz` says while it stops. */
  readonly service: string;
  /** `connecting`: before the first connection stands. */
  nats(): ConnectionState | "connecting";
  /** What else it waits for. */
  readonly ready: Readonly<Record<string, HealthCheck>>;
}

/**
 * `/metrics`, `/livez` and `/readyz` of a service until its lifecycle ends. It is ready when it is not stopping, NATS is
 * connected, and nothing in `ready` stands in the way; the state of the connection is a metric, too.
 * @returns the port
 * @throws UncoupleError `failed-precondition` when the port cannot be listened on
 */
export async function serveServiceHealth(settings: ServiceHealthSettings): Promise<number> {
  const { host, port, metrics, lifecycle, service, nats, ready } = settings;
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
  });
  lifecycle.onCleanup("http", () => http.close());
  metrics.states({
    name: "uncouple_nats_connection_state",
    help: "1 for the state that the connection to NATS is in.",
    states: ["connecting", "connected", "reconnecting", "closed"],
    read: nats,
  });
  return http.port;
}

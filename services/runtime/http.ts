import { createServer, type ServerResponse } from "node:http";
import { UncoupleError } from "../common/errors.ts";
import type { Metrics } from "./metrics.ts";

/** Returns why the check fails, in words (`reconnecting`), or undefined if it passes. */
export type HealthCheck = () => string | undefined;

export interface HealthHttpSettings {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Fails if the process must be restarted. */
  readonly live: HealthCheck;
  /** Readiness checks by the name of the dependency: `nats`, `data`. */
  readonly ready: Readonly<Record<string, HealthCheck>>;
  /** Checks of parts that work without each other, by name: the process is ready if at least one of them is. Default: none. */
  readonly parts?: Readonly<Record<string, HealthCheck>> | undefined;
}

export interface HealthHttp {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` for Prometheus, and `/livez` and `/readyz` for probes, which answer 200, or 503 with one line per
 * failed check. `/readyz` lists the parts that are not ready with both; `/readyz/PART` is about one of them.
 * @throws UncoupleError `failed-precondition` if it cannot listen on the port
 */
export async function serveHealthHttp(settings: HealthHttpSettings): Promise<HealthHttp> {
  const { host, metrics, live, ready, parts = {} } = settings;

  async function answer(path: string, response: ServerResponse): Promise<void> {
    switch (path) {
      case "/metrics": {
        const text = await metrics.text();
        response.writeHead(200, { "content-type": metrics.contentType }).end(text);
        return;
      }
      case "/livez":
        return probe(response, "alive", { process: live });
      case "/readyz":
        return probe(response, "ready", ready, parts);
      default: {
        const name = /^\/readyz\/(.+)$/.exec(path)?.[1] ?? "";
        const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
        if (part !== undefined) return probe(response, "ready", { ...ready, [name]: part });
        const all = ["/metrics", "/livez", "/readyz", ...Object.keys(parts).map((one) => `/readyz/${one}`)];
        respond(response, 404, `not found; available: ${all.join(", ")}`);
      }
    }
  }

  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      respond(response, 405, "method not allowed; use GET or HEAD");
      return;
    }
    const path = (request.url ?? "/").replace(/\?.*$/s, "");
    answer(path, response).catch((thrown: unknown) => {
      if (!response.headersSent) respond(response, 500, thrown instanceof Error ? thrown.message : String(thrown));
      else response.destroy();
    });
  });

  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `cannot serve health and metrics on ${host}:${settings.port}: ${cause.message}`;
      reject(new UncoupleError("failed-precondition", message, { cause }));
    });
    server.listen(settings.port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : settings.port);
    });
  });

  let closed: Promise<void> | undefined;
  return {
    port,
    close: () => {
      closed ??= new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

function respond(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${text}\n`);
}

function probe(
  response: ServerResponse,
  healthy: string,
  checks: Readonly<Record<string, HealthCheck>>,
  parts: Readonly<Record<string, HealthCheck>> = {},
): void {
  const failed = failedOf(checks);
  const unready = failedOf(parts);
  const isNone = unready.length > 0 && unready.length === Object.keys(parts).length;
  if (failed.length > 0 || isNone) respond(response, 503, [`not ${healthy}`, ...failed, ...unready].join("\n"));
  else respond(response, 200, [healthy, ...unready].join("\n"));
}

function failedOf(checks: Readonly<Record<string, HealthCheck>>): string[] {
  return Object.entries(checks).flatMap(([name, check]) => {
    const why = check();
    return why === undefined ? [] : [`${name}: ${why}`];
  });
}

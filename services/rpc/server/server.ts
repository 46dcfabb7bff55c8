import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { FinishedCall } from "../../common/finished-call.ts";
import { loadProtos } from "../loader.ts";
import { defaultMaxMessageBytes, keepAlive } from "../options.ts";
import { type ServerTls, serverCredentials } from "../tls.ts";
import { type CallContext, createCallContext, type RpcLogger } from "./handlers.ts";
import { observeCalls } from "./server-metrics.ts";

export interface RpcServerSettings {
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  /** Plain text if not set. */
  readonly tls?: ServerTls | undefined;
  /** Size limit of a message in either direction, in bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Called for every finished call to our services, for metrics. */
  readonly onCall?: ((call: FinishedCall) => void) | undefined;
  readonly clock: Clock;
  readonly log: RpcLogger;
}

export interface RpcServer {
  /** Tracks the calls of added services, which end in order when the server stops. */
  readonly context: CallContext;
  add(name: string, definition: ServiceDefinition, implementation: UntypedServiceImplementation): void;
  /**
   * Starts listening. The standard health service reports SERVING from then on, unless `setServing` says otherwise.
   * @returns the port
   * @throws UncoupleError `failed-precondition` if the server cannot listen on the port
   */
  start(): Promise<number>;
  /** Sets what the standard health service reports for the server and each service. */
  setServing(serving: boolean): void;
  /**
   * Stops in order: health reports NOT_SERVING, watch streams end with UNAVAILABLE, new calls are rejected, and other
   * calls may finish within the grace period before they are aborted. Calling it again returns the same promise.
   */
  stop(graceSeconds: number): Promise<void>;
}

/** After the last call has ended, its response may still be in transit to the socket. */
const flushSeconds = 0.25;

/** Creates a gRPC server with reflection, the standard health service, call metrics, and typed errors. */
export function createRpcServer(settings: RpcServerSettings): RpcServer {
  const { host, clock, log, onCall } = settings;
  const maxMessageBytes = settings.maxMessageBytes ?? defaultMaxMessageBytes;
  const credentials = settings.tls === undefined ? ServerCredentials.createInsecure() : serverCredentials(settings.tls);
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    ...keepAlive,
    ...(onCall === undefined ? {} : { interceptors: [observeCalls("/uncouple.", clock, onCall)] }),
  });
  const names = [""];
  const health = new HealthImplementation({ "": "NOT_SERVING" });
  const context = createCallContext(log, maxMessageBytes);
  let serving = true;
  let listening = false;
  let stopped: Promise<void> | undefined;

  health.addToServer(server);

  function tellHealth(): void {
    const now = serving && listening && stopped === undefined ? "SERVING" : "NOT_SERVING";
    for (const name of names) health.setStatus(name, now);
  }

  async function shutDown(graceSeconds: number): Promise<void> {
    tellHealth();
    context.stop();
    if (listening) {
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const waiting = new AbortController();
      const { signal } = waiting;
      // Other services' streams, such as health watches, never end by themselves and must not block the stop.
      const idle = context.idle().then(() => clock.sleep(flushSeconds * 1000, signal));
      const late = clock.sleep(graceSeconds * 1000, signal);
      try {
        await Promise.race([closed, idle, late]);
      } finally {
        waiting.abort();
        await Promise.allSettled([late]);
        idle.catch(() => {});
      }
      if (context.active() > 0)
        log.warn({ calls: context.active() }, `aborting calls that did not finish within ${graceSeconds} s`);
      context.cut();
    }
    server.forceShutdown();
  }

  return {
    context,
    add(name, definition, implementation) {
      server.addService(definition, implementation);
      names.push(name);
      tellHealth();
    },
    async start() {
      // Only for the services on this server.
      const services = [...names, "grpc.health.v1.Health"];
      new ReflectionService(loadProtos().definition, { services }).addToServer(server);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${host}:${settings.port}`, credentials, (cause, bound) => {
          if (cause === null) return resolve(bound);
          // grpc-js reports one failure per address of the host, in brackets.
          const why = /\[(.*)\]$/.exec(cause.message)?.[1] ?? cause.message;
          const message = `cannot serve gRPC on ${host}:${settings.port}: ${why}`;
          reject(new UncoupleError("failed-precondition", message, { cause }));
        });
      });
      listening = true;
      tellHealth();
      return port;
    },
    setServing(value) {
      serving = value;
      tellHealth();
    },
    stop(graceSeconds) {
      // Set the promise before the first step: the health service checks it.
      stopped ??= Promise.resolve().then(() => shutDown(graceSeconds));
      return stopped;
    },
  };
}

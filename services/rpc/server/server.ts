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
  /** 0 takes a free one. */
  readonly port: number;
  /** Plain text without it. */
  readonly tls?: ServerTls | undefined;
  /** Largest message taken or sent, in bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Sees every call to a service of ours when it has ended; for metrics. */
  readonly onCall?: ((call: FinishedCall) => void) | undefined;
  readonly clock: Clock;
  readonly log: RpcLogger;
}

export interface RpcServer {
  /** For the services that are added: their calls are tracked, and end in order when the server stops. */
  readonly context: CallContext;
  add(name: string, definition: ServiceDefinition, implementation: UntypedServiceImplementation): void;
  /**
   * Listens, and from then on is SERVING by the standard health service unless `setServing` said otherwise.
   * @returns the port
   * @throws UncoupleError `failed-precondition` when the port cannot be listened on
   */
  start(): Promise<number>;
  /** What the standard health service says of the server as a whole and of each service. */
  setServing(serving: boolean): void;
  /**
   * Health says NOT_SERVING, watch streams end with UNAVAILABLE, new calls are refused; other calls have the grace
   * time to finish, then they are cut. Calling again gives the same promise.
   */
  stop(graceSeconds: number): Promise<void>;
}

/** After the last call has ended its answer may still be on the way to the socket. */
const flushSeconds = 0.25;

/** A gRPC server with reflection, the standard health service, metrics of its calls, and typed errors. */
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
      // Streams of others, such as a health watch, never end by themselves and hold up nothing.
      const idle = context.idle().then(() => clock.sleep(flushSeconds * 1000, signal));
      const late = clock.sleep(graceSeconds * 1000, signal);
      try {
        await Promise.race([closed, idle, late]);
      } finally {
        waiting.abort();
        await Promise.allSettled([late]);
        idle.catch(() => {});
      }
      if (context.active() > 0) log.warn({ calls: context.active() }, `calls cut short after ${graceSeconds} s`);
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
      // Of what is offered here, and not of every service there is.
      const services = [...names, "grpc.health.v1.Health"];
      new ReflectionService(loadProtos().definition, { services }).addToServer(server);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${host}:${settings.port}`, credentials, (cause, bound) => {
          if (cause === null) return resolve(bound);
          // grpc-js tells of a failure for each address that the host has, in brackets.
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
      // The promise stands before the first step, because health asks for it.
      stopped ??= Promise.resolve().then(() => shutDown(graceSeconds));
      return stopped;
    },
  };
}

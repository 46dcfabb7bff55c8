import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../../common/memory-budget.ts";
import type { DataAccess } from "../../data/source/data-access.ts";
import type { HostConnector } from "../../inference/connect/host-connector.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { ServerTls } from "../../rpc/tls.ts";
import type { Logger, LogLevel } from "../../runtime/logs.ts";
import { type StartupWait, waitAtStartup } from "../../runtime/startup-wait.ts";
import type { Tracer } from "../../runtime/tracing/tracer.ts";
import { type CliContext, setting } from "../context/context.ts";
import { type DataFlags, dataAccess, withDataFlags } from "../flags/data-flags.ts";
import { type InferenceFlags, inferenceHosts, withInferenceFlags } from "../flags/inference-flags.ts";
import { type MemoryFlags, memoryLimit, withMemoryLimit } from "../flags/memory-limit.ts";
import { type NatsFlags, natsAccess, withNatsFlags } from "../flags/nats-flags.ts";
import { readPem } from "../flags/pem.ts";
import { parseCount, parseDuration, parsePort, parseReplicas } from "../flags/reference.ts";
import { type RunningProcess, runForeground } from "./foreground.ts";
import { openTracer } from "./tracing.ts";

/** Limits and replicas of the registry's store. */
export interface StoreFlags {
  readonly maxModelBytes?: number;
  readonly maxStoreBytes?: number;
  readonly replicas?: number;
}

/** Adds the flags of the store, which errors refer to. */
export function withStoreFlags(command: Command): Command {
  return withStreamFlags(
    command.option("--max-model-bytes <bytes>", "maximum size of a model (default: 256 MiB)", parseCount),
  );
}

/** Adds those of the store's streams. */
export function withStreamFlags(command: Command): Command {
  return command
    .option(
      "--max-store-bytes <bytes>",
      "maximum size of all models of the pipeline (default: unchanged; 2 GiB for a new store)",
      parseCount,
    )
    .option(
      "--replicas <n>",
      "NATS servers that keep each message (default: unchanged; for a new pipeline 3 in a cluster of at least 3, otherwise 1)",
      parseReplicas,
    );
}

/** The same limits as arguments for a service of a stack. */
export function storeArgs({ maxModelBytes, maxStoreBytes, replicas }: StoreFlags): string[] {
  return [
    ...(maxModelBytes === undefined ? [] : ["--max-model-bytes", String(maxModelBytes)]),
    ...(maxStoreBytes === undefined ? [] : ["--max-store-bytes", String(maxStoreBytes)]),
    ...(replicas === undefined ? [] : ["--replicas", String(replicas)]),
  ];
}

export interface ServiceFlags extends StoreFlags, NatsFlags, InferenceFlags, DataFlags, MemoryFlags {
  readonly pipeline: string;
  readonly nats?: string;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly startupTimeout: number;
  readonly logLevel: LogLevel;
}

/** Adds the flags that all services share. */
export function withServiceFlags(command: Command): Command {
  command
    .requiredOption("--pipeline <file>", "the pipeline file")
    .option("--nats <url>", "NATS server with JetStream, nats://[user:password@]host:port (NATS_URL)")
    .option(
      "--startup-timeout <duration>",
      "how long to wait for NATS at the start: 90s, 10m, 1h; 0 for ever",
      parseDuration,
      600,
    )
    .option("--host <address>", "address to listen on; 0.0.0.0 for all interfaces", "127.0.0.1")
    .option("--port <port>", "gRPC port; 0 for any free port", parsePort, 50_051)
    .option("--metrics-port <port>", "port of /metrics, /livez and /readyz; 0 for any free port", parsePort, 9_464)
    .option("--tls-cert <file>", "serve gRPC over TLS with this certificate (PEM, UNCOUPLE_TLS_CERT)")
    .option("--tls-key <file>", "private key of the certificate (PEM, UNCOUPLE_TLS_KEY)")
    .option("--tls-client-ca <file>", "require client certificates signed by this CA (PEM, UNCOUPLE_TLS_CLIENT_CA)")
    .addOption(logLevelOption());
  return withMemoryLimit(withInferenceFlags(withNatsFlags(withStoreFlags(withDataFlags(command)))));
}

export function logLevelOption(): Option {
  return new Option("--log-level <level>", "minimum log level")
    .choices(["debug", "info", "warn", "error"])
    .default("info");
}

/** A running service. */
export interface RunningService extends RunningProcess {
  readonly grpcPort: number;
  readonly httpPort: number;
}

export interface ServiceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tracer: Tracer;
  readonly hosts: HostConnector;
  readonly data: DataAccess;
  connect(pipeline: Pipeline, wait: StartupWait): Promise<Backplane>;
  /** The certificates (PEM) of the connection to NATS as they are now, by their names in metrics. */
  natsCertificates(): Readonly<Record<string, Buffer | undefined>>;
}

/**
 * Runs a service with a backplane in this process until it ends, as `runForeground`.
 * @throws UncoupleError the failure of the service
 */
export async function runService(
  context: CliContext,
  flags: ServiceFlags,
  service: {
    readonly name: string;
    /** Must exceed the longest graceful stop. */
    readonly forcedExitSeconds: number;
    start(deps: ServiceDeps): Promise<RunningService>;
  },
): Promise<void> {
  const { clock } = context;
  const { name, forcedExitSeconds } = service;
  const { host, logLevel } = flags;
  await runForeground<RunningService>(context, {
    name,
    logLevel,
    forcedExitSeconds,
    async start(log) {
      const url = flags.nats ?? setting(context.env, "NATS_URL");
      if (url === undefined) {
        throw new UncoupleError("invalid-argument", "no NATS server given; use --nats URL or set NATS_URL");
      }
      const access = natsAccess(context, flags, url);
      const connect = async (pipeline: Pipeline, wait: StartupWait) => {
        const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
        const open = () =>
          connectJetStream({
            ...access,
            pipeline: pipeline.name,
            clock,
            name: `uncouple ${name}`,
            ...(flags.maxModelBytes !== undefined && { maxModelBytes: flags.maxModelBytes }),
            ...(flags.maxStoreBytes !== undefined && { maxStoreBytes: flags.maxStoreBytes }),
            ...(flags.replicas !== undefined && { replicas: flags.replicas }),
            log: (level, message) => log[level](message),
          });
        return waitAtStartup({ clock, log, limitSeconds: flags.startupTimeout }, wait, open);
      };
      const tracer = await openTracer(context, name, (message) => log.warn(message));
      const { ca, cert } = access.files;
      const natsCertificates = () => ({ "nats-ca": readNow(ca), nats: readNow(cert) });
      const { hostBytes } = divideMemory(memoryLimit(context, flags) ?? DEFAULT_MEMORY_LIMIT);
      const hosts = await inferenceHosts(context, flags, hostBytes);
      const data = dataAccess(context, flags, (message) => log.warn(message));
      const running = await service.start({ clock, log, tracer, hosts, data, connect, natsCertificates });
      // The last spans end with the service.
      return { ...running, ended: () => tracer.close() };
    },
    addresses: ({ grpcPort, httpPort }) => ({ grpc: `${host}:${grpcPort}`, http: `${host}:${httpPort}` }),
  });
}

/** A file as it is now; undefined if there is none. */
function readNow(path: string | undefined): Buffer | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Reads the files that flags or environment variables name.
 * @throws UncoupleError `invalid-argument` for a certificate without a key or vice versa, or an unreadable file
 */
export async function serverTls(context: CliContext, flags: ServiceFlags): Promise<ServerTls | undefined> {
  const { env } = context;
  const tlsCert = flags.tlsCert ?? setting(env, "UNCOUPLE_TLS_CERT");
  const tlsKey = flags.tlsKey ?? setting(env, "UNCOUPLE_TLS_KEY");
  const tlsClientCa = flags.tlsClientCa ?? setting(env, "UNCOUPLE_TLS_CLIENT_CA");
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UncoupleError("invalid-argument", "TLS requires both --tls-cert and --tls-key");
  }
  const [certificate, key] = [await readPem(context, tlsCert), await readPem(context, tlsKey)];
  return { certificate, key, ...(tlsClientCa !== undefined && { clientCa: await readPem(context, tlsClientCa) }) };
}

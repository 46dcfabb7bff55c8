import { availableCpus } from "../common/available-cpus.ts";
import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideWorkerMemory } from "../common/memory-budget.ts";
import { probeProvider } from "../engine/onnx/probe-provider.ts";
import type { ShippingEngine } from "../engine/shipped/shipping-engine.ts";
import type { ColumnSpace } from "../learning/units/job-columns.ts";
import { connectCoordinator } from "../rpc/client/coordinator-client.ts";
import type { ClientTls } from "../rpc/tls.ts";
import { serveHealthHttp } from "../runtime/http.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Logger } from "../runtime/logs.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { createBlobCache } from "./blob-cache.ts";
import { createColumnFiles } from "./column-files.ts";
import { createExecutors, DEFAULT_ENGINES } from "./executors.ts";
import { type RunUnitDeps, runUnit } from "./run-unit.ts";
import { createTrainerLink } from "./trainer-link.ts";
import { createTransfers } from "./transfers.ts";
import { createUnitLoop } from "./unit-loop.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

export interface RunWorkerOptions {
  /** host:port of the trainer. */
  readonly trainer: string;
  /** The component and the pipeline that this worker is meant for; any, if not set. */
  readonly component?: string | undefined;
  readonly pipeline?: string | undefined;
  /** Name in the trainer's lists and logs, the same over restarts. */
  readonly name: string;
  /** Name of this machine, and number of this process on it. */
  readonly hostName: string;
  readonly pid: number;
  /** The preferred one first; default: wasm and onnx:cpu. */
  readonly engines?: readonly ShippingEngine[] | undefined;
  /** Units at a time on wasm, threads of a unit on onnx:cpu; default: the available processors. */
  readonly threads?: number | undefined;
  readonly tls?: ClientTls | undefined;
  /** Serves `/metrics`, `/livez` and `/readyz`; port 0 picks a free one. Nowhere if not set. */
  readonly http?: { readonly host: string; readonly port: number } | undefined;
  /** Most bytes of memory, with those of the engines; defaults to 2 GiB. */
  readonly memoryLimit?: number | undefined;
  /** How long a stop waits for units in work before it hands them back; defaults to 5. */
  readonly graceSeconds?: number | undefined;
}

export interface RunWorkerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Returns a number in [0, 1), which spreads reconnections. */
  readonly random: () => number;
  /** Opens the space for columns that exceed their share of memory. */
  openSpace(tableBytes: number): Promise<ColumnSpace>;
}

/** A running worker. */
export interface RunningWorker {
  readonly lifecycle: Lifecycle;
  /** If it serves HTTP. */
  readonly httpPort: number | undefined;
  /** Finishes or hands back the units in work and closes everything. Further calls return the same promise. */
  stop(): Promise<void>;
}

const GRACE_SECONDS = 5;
/** How long units that are given up, and each release, may take. */
const FORCE_SECONDS = 5;

/** Upper bound on the duration of a stop, for the caller's forced-exit timer. */
export function longestStopSeconds(options: Pick<RunWorkerOptions, "graceSeconds">): number {
  return (options.graceSeconds ?? GRACE_SECONDS) + 4 * FORCE_SECONDS;
}

/**
 * Runs a worker: joins a trainer, runs the units that it leases there, and joins again after every outage. It holds nothing
 * that is not the trainer's, and may be killed at any time. If the trainer refuses it for good, its lifecycle fails with
 * `failed-precondition`.
 *
 * @throws UncoupleError `invalid-argument` for an address without a port, `failed-precondition` for an engine that does not
 *   start here or an HTTP port that cannot be bound
 */
export async function runWorker(options: RunWorkerOptions, deps: RunWorkerDeps): Promise<RunningWorker> {
  const { clock, log, random } = deps;
  const { version } = packageInfo();
  const engineNames = options.engines ?? DEFAULT_ENGINES;
  const { threads, memoryLimit = DEFAULT_MEMORY_LIMIT } = options;
  const memory = divideWorkerMemory(memoryLimit, threads ?? availableCpus());
  const lifecycle = createLifecycle({
    name: "worker",
    clock,
    log,
    graceSeconds: options.graceSeconds ?? GRACE_SECONDS,
    forceSeconds: FORCE_SECONDS,
  });
  let httpPort: number | undefined;

  await lifecycle.start(async () => {
    const tls = options.tls === undefined ? {} : { tls: options.tls };
    const connect = () => connectCoordinator(options.trainer, { clock, ...tls }, options.component);
    // Checks the address.
    connect().close();
    for (const name of engineNames) await checkEngine(name, clock);

    const metrics = createMetrics({ service: "worker", version });
    const measured = createWorkerMetrics(metrics, engineNames, {
      running: () => loop.running(),
      connected: () => link.current() !== undefined,
    });
    const transfers = createTransfers({ current: () => link.current() }, measured.fetched);
    const blobs = createBlobCache(transfers, memory.blobBytes);
    const space = await deps.openSpace(memory.tableBytes);
    const executors = createExecutors(engineNames, {
      parallel: memory.units,
      threads,
      clock,
      blobs,
      files: createColumnFiles(space, transfers, { current: () => link.current() }),
      idleBytes: memory.idleBytes,
    });
    lifecycle.onCleanup("engines", () => executors.dispose());
    const { engines, parallel, isExclusive } = executors;
    const { component, pipeline } = options;
    const me = {
      ...(component !== undefined && { component }),
      ...(pipeline !== undefined && { pipeline }),
      name: options.name,
      host: options.hostName,
      pid: options.pid,
      codeVersion: version,
      engines,
      parallel,
    };
    const link = createTrainerLink(options.trainer, me, { clock, log, connect, random });
    const unitDeps: RunUnitDeps = {
      ...{ clock, log, link, blobs, executors },
      onSubmitted: measured.submitted,
      onComputed: () => loop.makeRoom(),
    };
    const loop = createUnitLoop({
      clock,
      link,
      parallel,
      isExclusive,
      run: (lease, unit, session) => runUnit(lease, unit, session, unitDeps),
      onEnd: ({ engine }, end, seconds) => measured.ended(engine, end, seconds),
    });

    if (options.http !== undefined) {
      const http = await serveHealthHttp({
        ...options.http,
        metrics,
        live: () => undefined,
        ready: {
          worker: () => (lifecycle.stopping.aborted ? "stopping" : undefined),
          trainer: () => (link.current() === undefined ? "not connected" : undefined),
        },
      });
      lifecycle.onCleanup("http", () => http.close());
      httpPort = http.port;
    }

    const disconnect = new AbortController();
    const connected = link.run(disconnect.signal).catch((thrown: unknown) => lifecycle.fail(thrown));
    const units = loop.run(lifecycle.stopping);
    lifecycle.onDrain("units in work", async (force) => {
      force.addEventListener("abort", () => loop.abort(force.reason));
      await units;
      disconnect.abort(lifecycle.stopping.reason);
      await connected;
    });
    log.info({ engines, parallel }, `worker ${options.name} for the trainer at ${options.trainer}`);
  });
  return { lifecycle, httpPort, stop: () => lifecycle.stop() };
}

/** @throws UncoupleError `failed-precondition` for a GPU engine that does not start */
async function checkEngine(name: ShippingEngine, clock: Clock): Promise<void> {
  if (name !== "onnx:cuda" && name !== "onnx:webgpu") return;
  const { starts, detail } = await probeProvider(name === "onnx:cuda" ? "cuda" : "webgpu", clock);
  if (!starts) throw new UncoupleError("failed-precondition", `engine ${name} does not start here: ${detail}`);
}

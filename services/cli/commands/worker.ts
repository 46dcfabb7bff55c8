import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { SHIPPING_ENGINES, type ShippingEngine } from "../../engine/shipped/shipping-engine.ts";
import type { LogLevel } from "../../runtime/logs.ts";
import { clientOptions, withTlsFlags } from "../connect/connections.ts";
import { runForeground } from "../connect/foreground.ts";
import { logLevelOption } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { type MemoryFlags, memoryLimit, withMemoryLimit } from "../flags/memory-limit.ts";
import { parseCount, parseLabel, parseName, parsePort } from "../flags/reference.ts";

interface WorkerFlags extends MemoryFlags {
  readonly trainer: string;
  readonly component?: string;
  readonly pipeline?: string;
  readonly name?: string;
  readonly engine?: ShippingEngine;
  readonly threads?: number;
  readonly host: string;
  readonly metricsPort?: number;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly logLevel: LogLevel;
}

export function workerCommand(context: CliContext): Command {
  const command = new Command("worker")
    .summary("run a worker, which computes for a trainer")
    .description(
      "Runs a worker of one trainer in the foreground. It connects to the trainer, which hands out units of its trainings, and connects again after every outage. It needs no pipeline file, data or NATS, and may be killed at any time: the trainer gives its units to another worker. On SIGTERM or Ctrl-C, it finishes its units within a few seconds or hands them back, and exits with 0.",
    )
    .requiredOption("--trainer <host:port>", "gRPC address of the trainer")
    .option("--component <name>", "refuse a trainer of another component", parseName)
    .option("--pipeline <name>", "refuse a trainer of another pipeline", parseName)
    .option(
      "--name <name>",
      "this worker's name in the trainer's lists and logs (default: host name and process ID)",
      parseLabel,
    )
    .addOption(
      new Option("--engine <name>", "run units on this engine only (default: wasm and onnx:cpu)").choices(
        SHIPPING_ENGINES,
      ),
    )
    .option(
      "--threads <count>",
      "units at a time on wasm, threads of a unit on onnx:cpu (default: the available processors)",
      parseCount,
    )
    .option("--host <address>", "address to serve metrics on; 0.0.0.0 for all interfaces", "127.0.0.1")
    .option(
      "--metrics-port <port>",
      "port of /metrics, /livez and /readyz; 0 for any free port (default: not served)",
      parsePort,
    );
  return withTlsFlags(withMemoryLimit(command))
    .addOption(logLevelOption())
    .addHelpText("after", "\nExample:\n  uncouple worker --trainer trainer-m2:50052 --component m2\n")
    .action(async (flags: WorkerFlags) => {
      const { longestStopSeconds, runWorker } = await import("../../worker/run-worker.ts");
      const { processTableOf } = await import("../../common/files/folder-lock.ts");
      const { openSpillSpace } = await import("../../data/spill/spill-folder.ts");
      const { clock } = context;
      const { trainer, component, pipeline, engine, threads, host, metricsPort } = flags;
      await runForeground(context, {
        name: "worker",
        logLevel: flags.logLevel,
        forcedExitSeconds: longestStopSeconds({}) + 5,
        start: async (log) =>
          runWorker(
            {
              trainer,
              component,
              pipeline,
              name: flags.name ?? `${hostname()}-${process.pid}`,
              hostName: hostname(),
              pid: process.pid,
              engines: engine === undefined ? undefined : [engine],
              threads,
              memoryLimit: memoryLimit(context, flags),
              tls: (await clientOptions(context, flags)).tls,
              http: metricsPort === undefined ? undefined : { host, port: metricsPort },
            },
            {
              ...{ clock, log, random: Math.random },
              openSpace: (tableBytes) =>
                openSpillSpace(join(tmpdir(), "uncouple-spill"), tableBytes, processTableOf(process, hostname())),
            },
          ),
        addresses: ({ httpPort }) => (httpPort === undefined ? {} : { http: `${host}:${httpPort}` }),
      });
    });
}

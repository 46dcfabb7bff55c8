import { hostname } from "node:os";
import { resolve } from "node:path";
import { Command } from "commander";
import { runService, type ServiceFlags, serverTls, withServiceFlags } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { parseCount } from "../flags/reference.ts";

export function evaluatorCommand(context: CliContext): Command {
  return withServiceFlags(
    new Command("evaluator")
      .summary("run an evaluator service")
      .description(
        "Runs an evaluator in the foreground. It judges every published snapshot on held-out rows, publishes verdicts and serves gRPC. Several evaluators share the work. On SIGTERM or Ctrl-C, it finishes the current snapshot and stops.",
      ),
  )
    .option("--name <name>", "this evaluator's name in verdicts and logs (default: host name and process ID)")
    .option(
      "--retained <count>",
      "newest snapshots of each component to include in the matrix and in verdicts",
      parseCount,
      8,
    )
    .addHelpText(
      "after",
      "\nExample:\n  uncouple evaluator --pipeline pipeline.yaml --nats nats://127.0.0.1:4222 --port 50051\n",
    )
    .action(async (flags: ServiceFlags & { readonly name?: string; readonly retained: number }) => {
      const { longestStopSeconds, runEvaluator } = await import("../../evaluator/run-evaluator.ts");
      await runService(context, flags, {
        name: "evaluator",
        forcedExitSeconds: longestStopSeconds({}) + 5,
        start: async (deps) =>
          runEvaluator(
            {
              pipelineFile: resolve(context.cwd, flags.pipeline),
              name: flags.name ?? `${hostname()}-${process.pid}`,
              host: flags.host,
              grpcPort: flags.port,
              httpPort: flags.metricsPort,
              retained: flags.retained,
              maxModelBytes: flags.maxModelBytes,
              tls: await serverTls(context, flags),
            },
            deps,
          ),
      });
    });
}

import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { runService, type ServiceFlags, serverTls, withServiceFlags } from "../connect/service.ts";
import { type CliContext, setting } from "../context/context.ts";
import { inferenceSettings } from "../flags/inference-flags.ts";
import { memoryLimit } from "../flags/memory-limit.ts";
import { parseCount } from "../flags/reference.ts";
import { type TrackFlags, trackingTarget, withTrackFlag } from "../flags/track-flag.ts";
import { syncsAlways } from "../stack/durability.ts";

export function evaluatorCommand(context: CliContext): Command {
  const command = withServiceFlags(
    new Command("evaluator")
      .summary("run an evaluator service")
      .description(
        "Runs an evaluator in the foreground. It judges every published snapshot on held-out rows, publishes verdicts and serves gRPC. Several evaluators share the work. On SIGTERM or Ctrl-C, it finishes the current snapshot and stops.",
      ),
  );
  return withTrackFlag(command)
    .option("--name <name>", "this evaluator's name in verdicts and logs (default: host name and process ID)")
    .option(
      "--retained <count>",
      "newest snapshots of each component to include in the matrix and in verdicts",
      parseCount,
      8,
    )
    .option(
      "--nats-monitor <url>",
      "monitoring address of the NATS server, http://host:8222, to report in /metrics whether it syncs before it acknowledges (NATS_MONITOR_URL)",
    )
    .addHelpText(
      "after",
      "\nExample:\n  uncouple evaluator --pipeline pipeline.yaml --nats nats://127.0.0.1:4222 --port 50051\n",
    )
    .action(
      async (
        flags: ServiceFlags &
          TrackFlags & { readonly name?: string; readonly retained: number; readonly natsMonitor?: string },
      ) => {
        const monitor = flags.natsMonitor ?? setting(context.env, "NATS_MONITOR_URL");
        const { longestStopSeconds, runEvaluator } = await import("../../evaluator/run-evaluator.ts");
        const { processTableOf } = await import("../../common/files/folder-lock.ts");
        const { openSpillSpace } = await import("../../data/spill/spill-folder.ts");
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
                memoryLimit: memoryLimit(context, flags),
                inference: inferenceSettings(flags),
                tracking: trackingTarget(context, flags),
              },
              {
                ...deps,
                openSpace: (tableBytes) =>
                  openSpillSpace(join(tmpdir(), "uncouple-spill"), tableBytes, processTableOf(process, hostname())),
                ...(monitor !== undefined && { syncsAlways: () => syncsAlways(monitor, context.clock) }),
              },
            ),
        });
      },
    );
}

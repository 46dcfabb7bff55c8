import { hostname } from "node:os";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { ENGINE_CHOICES, type EngineChoice } from "../../pipeline/team.ts";
import { DEFAULT_DIR } from "../connect/connections.ts";
import { runService, type ServiceFlags, serverTls, withServiceFlags } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { inferenceSettings } from "../flags/inference-flags.ts";
import { memoryLimit } from "../flags/memory-limit.ts";
import { parseCount } from "../flags/reference.ts";
import { type TrackFlags, trackingTarget, withTrackFlag } from "../flags/track-flag.ts";

interface TrainerFlags extends ServiceFlags, TrackFlags {
  readonly team: readonly string[];
  readonly parallel?: number;
  readonly state?: string;
  readonly engine?: EngineChoice;
  readonly checkpointSeconds: number;
  readonly waitForVerdict: number;
}

export function trainerCommand(context: CliContext): Command {
  const command = withServiceFlags(
    new Command("trainer")
      .summary("run the trainer service of one or several teams")
      .description(
        "Runs the trainer of a component, or of several with a --team for each, in the foreground. It queues runs, trains, publishes snapshots and serves gRPC. Several components share the process and its connections, not their failures: one that cannot start is reported by /readyz and tried again, and the others work. After a crash, it resumes from its last checkpoints. On SIGTERM or Ctrl-C, it stops at a step boundary, writes checkpoints and exits with 0.",
      ),
  );
  return withTrackFlag(command)
    .requiredOption("--team <file>", "the team file of a component, repeatable", collect)
    .option(
      "--parallel <n>",
      "runs that train at a time, of all components (default: the available processors)",
      parseCount,
    )
    .option("--state <folder>", "folder for runs and checkpoints (default: .uncouple/state)")
    .addOption(new Option("--engine <name>", "training engine, overrides the team file").choices(ENGINE_CHOICES))
    .option("--checkpoint-seconds <seconds>", "time between checkpoints", parseSeconds, 5)
    .option(
      "--wait-for-verdict <seconds>",
      "how long a run waits for the verdict on an upstream snapshot before it fails",
      parseSeconds,
      900,
    )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple trainer --pipeline pipeline.yaml --team m2.yaml --nats nats://127.0.0.1:4222 --port 50052\n  uncouple trainer --pipeline pipeline.yaml --team m1.yaml --team m2.yaml --parallel 2 --nats nats://127.0.0.1:4222\n",
    )
    .action(async (flags: TrainerFlags) => {
      const { longestStopSeconds, runTrainer } = await import("../../trainer/run-trainer.ts");
      const { processTableOf } = await import("../../common/files/folder-lock.ts");
      await runService(context, flags, {
        name: "trainer",
        forcedExitSeconds: longestStopSeconds({}) + 5,
        start: async (deps) =>
          runTrainer(
            {
              pipelineFile: resolve(context.cwd, flags.pipeline),
              teamFiles: flags.team.map((file) => resolve(context.cwd, file)),
              stateDir: resolve(context.cwd, flags.state ?? `${DEFAULT_DIR}/state`),
              host: flags.host,
              grpcPort: flags.port,
              httpPort: flags.metricsPort,
              engine: flags.engine,
              parallel: flags.parallel,
              checkpointSeconds: flags.checkpointSeconds,
              waitForVerdictSeconds: flags.waitForVerdict,
              tls: await serverTls(context, flags),
              memoryLimit: memoryLimit(context, flags),
              inference: inferenceSettings(flags),
              tracking: trackingTarget(context, flags),
            },
            { ...deps, processes: processTableOf(process, hostname()), hostProcess: process },
          ),
      });
    });
}

function collect(file: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, file];
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError("Expected a number of seconds above 0, at most 86400.");
  }
  return seconds;
}

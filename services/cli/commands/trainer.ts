import { hostname } from "node:os";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { ENGINE_CHOICES, type EngineChoice } from "../../pipeline/team.ts";
import { DEFAULT_DIR } from "../connect/connections.ts";
import { runService, type ServiceFlags, serverTls, withServiceFlags } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { inferenceSettings } from "../flags/inference-flags.ts";

interface TrainerFlags extends ServiceFlags {
  readonly team: string;
  readonly state?: string;
  readonly engine?: EngineChoice;
  readonly checkpointSeconds: number;
  readonly waitForVerdict: number;
}

export function trainerCommand(context: CliContext): Command {
  return withServiceFlags(
    new Command("trainer")
      .summary("run a team's trainer service")
      .description(
        "Runs the trainer of one component in the foreground. It queues runs, trains, publishes snapshots and serves gRPC. After a crash, it resumes from its last checkpoint. On SIGTERM or Ctrl-C, it stops at a step boundary, writes a checkpoint and exits with 0.",
      ),
  )
    .requiredOption("--team <file>", "the team file")
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
      "\nExample:\n  uncouple trainer --pipeline pipeline.yaml --team m2.yaml --nats nats://127.0.0.1:4222 --port 50052\n",
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
              teamFile: resolve(context.cwd, flags.team),
              stateDir: resolve(context.cwd, flags.state ?? `${DEFAULT_DIR}/state`),
              host: flags.host,
              grpcPort: flags.port,
              httpPort: flags.metricsPort,
              engine: flags.engine,
              checkpointSeconds: flags.checkpointSeconds,
              waitForVerdictSeconds: flags.waitForVerdict,
              tls: await serverTls(context, flags),
              inference: inferenceSettings(flags),
            },
            { ...deps, processes: processTableOf(process, hostname()), hostProcess: process },
          ),
      });
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError("Expected a number of seconds above 0, at most 86400.");
  }
  return seconds;
}

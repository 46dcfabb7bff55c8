import { resolve } from "node:path";
import { Command } from "commander";
import { secondsSince } from "../../common/clock/clock.ts";
import { formatSeconds } from "../../report/numbers.ts";
import { exitCodes } from "../../runtime/exit-codes.ts";
import { readStackFiles } from "../connect/configuration.ts";
import { DEFAULT_DIR } from "../connect/connections.ts";
import { type StoreFlags, withStoreFlags } from "../connect/service.ts";
import type { Stack } from "../connect/stack-file.ts";
import { type CliContext, setting } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type DataFlags, dataAccess, dataEnvironment, withDataFlags } from "../flags/data-flags.ts";
import { type InferenceFlags, withInferenceFlags } from "../flags/inference-flags.ts";
import { type MemoryFlags, withMemoryLimit } from "../flags/memory-limit.ts";
import { type NatsFlags, natsFiles, withNatsFlags } from "../flags/nats-flags.ts";
import { parseCount } from "../flags/reference.ts";
import { type TrackFlags, trackEnvironment, trackingTarget, withTrackFlag } from "../flags/track-flag.ts";
import { parseWorkerCounts, type WorkerCounts, workersOfTeams } from "../flags/worker-counts.ts";
import { chooseNats, natsNotFound } from "../stack/nats.ts";
import { startStack } from "../stack/start-stack.ts";
import { createOutput, noteDeprecations } from "../terminal/output.ts";
import { Finished } from "../terminal/report-error.ts";
import type { Style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

interface UpFlags extends DataFlags, StoreFlags, NatsFlags, InferenceFlags, MemoryFlags, TrackFlags {
  readonly dir?: string;
  readonly nats?: string;
  readonly breaking?: true;
  readonly processes?: number;
  readonly workers?: WorkerCounts;
  readonly json?: true;
}

export function upCommand(context: CliContext): Command {
  const command = new Command("up")
    .summary("run a pipeline on this machine")
    .description(
      "Runs a pipeline in the foreground: a NATS server, trainer processes (one for each team file up to eight, among which further ones are spread) and an evaluator process, each on a free port of 127.0.0.1. The other subcommands find them through the stack file in --dir. That folder also keeps data, state and logs, and the next `uncouple up` resumes from there. Crashed processes restart on the same port, and trainers resume from their last checkpoint. A process that keeps crashing is restarted less and less often, down to every 30 s, until it has run for a minute; the stack ends only when none of its services works. Ctrl-C stops everything in order: runs are checkpointed, and nothing is lost. All services have the environment of `up`, so credentials do not keep held-out rows from trainers here.",
    )
    .argument("<pipeline>", "the pipeline file (the files may be in any order)")
    .argument("<teams...>", "one team file for each component that gets a trainer")
    .option("--dir <folder>", "folder of the stack (default: .uncouple, or UNCOUPLE_DIR)")
    .option("--nats <url>", "a running NATS server (default: NATS_URL, else nats-server from the PATH)")
    .option(
      "--processes <n>",
      "trainer processes to spread the teams over (default: one for each, at most 8)",
      parseCount,
    )
    .option(
      "--workers <n>",
      "workers to start for every team whose file has workers, or for some: m1=3,m2=0",
      parseWorkerCounts,
    )
    .option("--breaking", "put the pipeline file in force even if it has breaking changes")
    .option("--json", "print JSON: the stack file, once everything is ready");
  return withMemoryLimit(withInferenceFlags(withNatsFlags(withStoreFlags(withDataFlags(withTrackFlag(command))))))
    .addHelpText(
      "after",
      "\nExample:\n  uncouple up examples/paper/pipeline.yaml examples/paper/m1-initial.yaml examples/paper/m2-async.yaml\n  uncouple train m1 --follow        (in another terminal)\n",
    )
    .action(async (pipeline: string, teams: string[], flags: UpFlags) => {
      const output = createOutput(context, flags.json === true);
      const onEvent = (line: string) => output.note(line);
      const files = await interruptible(
        context,
        readStackFiles([pipeline, ...teams], context.cwd, dataAccess(context, flags)),
      );
      const workers = workersOfTeams(
        flags.workers ?? 0,
        files.teams.map(({ team }) => team),
      );
      noteDeprecations(output, files.deprecations);
      const { clock } = context;
      trackingTarget(context, flags);
      const env = trackEnvironment(dataEnvironment(context, flags), flags);
      const nats = await chooseNats({ url: flags.nats ?? setting(env, "NATS_URL"), preferOwn: false, env });
      if ("missing" in nats) throw natsNotFound(nats.missing);
      const dir = resolve(context.cwd, flags.dir ?? setting(env, "UNCOUPLE_DIR") ?? DEFAULT_DIR);
      const began = clock.elapsed();
      const running = await startStack({
        files,
        nats,
        natsFiles: natsFiles(context, flags),
        dir,
        env,
        clock,
        store: flags,
        inference: flags,
        memory: flags,
        processes: flags.processes,
        workers,
        breaking: flags.breaking === true,
        signal: context.interrupted,
        onEvent,
      });
      // Keeps this process alive, which neither the services nor an abort listener does.
      const alive = clock.every(60_000, () => {});
      try {
        output.result(running.stack, (style) =>
          stackText(running.stack, workers, dir, secondsSince(clock, began), style),
        );
        await Promise.race([running.failed, interrupted(context.interrupted)]);
      } finally {
        alive.cancel();
        onEvent("stopping");
        await running.stop();
        onEvent("stopped");
      }
      throw new Finished(exitCodes.cancelled);
    });
}

function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function stackText(
  stack: Stack,
  workers: ReadonlyMap<string, number>,
  dir: string,
  seconds: number,
  style: Style,
): string {
  const services = [
    ["evaluator", stack.evaluator],
    ...Object.entries(stack.trainers).map(([name, at]) => [`trainer ${name}`, at]),
  ];
  const rows = services.map(([name = "", grpc = ""]) => [name, grpc, stack.metrics[name] ?? ""]);
  return [
    `${style.green("up")}: pipeline ${stack.pipeline}, ready after ${formatSeconds(seconds)}; press Ctrl-C to stop`,
    "",
    formatTable(
      [{ title: "SERVICE" }, { title: "GRPC" }, { title: "METRICS" }],
      [["nats-server", stack.natsUrl.replaceAll(/\/\/[^/@,]*@/g, "//"), ""], ...rows],
      style,
    ),
    ...[...workers].map(([component, count]) => `${count} ${count === 1 ? "worker" : "workers"} for ${component}`),
    style.dim(`data, state and logs: ${dir}`),
    "",
  ].join("\n");
}

import type { Command } from "commander";
import type { CliContext } from "./context/context.ts";

/** A subcommand, built for one invocation. */
type CommandFactory = (context: CliContext) => Command;

/**
 * The subcommands by name, in the order of the help page. Each is loaded when it is needed: loading all of them takes
 * every process a quarter of a second.
 */
const commands: Readonly<Record<string, () => Promise<CommandFactory>>> = {
  demo: async () => (await import("./commands/demo.ts")).demoCommand,
  up: async () => (await import("./commands/up.ts")).upCommand,
  validate: async () => (await import("./commands/validate.ts")).validateCommand,
  "smoke-test": async () => (await import("./commands/smoke-test.ts")).smokeTestCommand,
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand,
  pipeline: async () => (await import("./commands/pipeline.ts")).pipelineCommand,
  bootstrap: async () => (await import("./commands/bootstrap.ts")).bootstrapCommand,
  train: async () => (await import("./commands/train.ts")).trainCommand,
  runs: async () => (await import("./commands/runs.ts")).runsCommand,
  cancel: async () => (await import("./commands/runs.ts")).cancelCommand,
  tune: async () => (await import("./commands/tune.ts")).tuneCommand,
  studies: async () => (await import("./commands/studies.ts")).studiesCommand,
  report: async () => (await import("./commands/report.ts")).reportCommand,
  snapshots: async () => (await import("./commands/snapshots.ts")).snapshotsCommand,
  show: async () => (await import("./commands/show.ts")).showCommand,
  export: async () => (await import("./commands/export.ts")).exportCommand,
  predict: async () => (await import("./commands/predict.ts")).predictCommand,
  test: async () => (await import("./commands/test.ts")).testCommand,
  verdicts: async () => (await import("./commands/verdicts.ts")).verdictsCommand,
  matrix: async () => (await import("./commands/matrix.ts")).matrixCommand,
  alignment: async () => (await import("./commands/alignment.ts")).alignmentCommand,
  compare: async () => (await import("./commands/compare.ts")).compareCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  gate: async () => (await import("./commands/gate.ts")).gateCommand,
  decisions: async () => (await import("./commands/decisions.ts")).decisionsCommand,
  backtest: async () => (await import("./commands/backtest.ts")).backtestCommand,
  promote: async () => (await import("./commands/promote.ts")).promoteCommand,
  refuse: async () => (await import("./commands/orders.ts")).refuseCommand,
  hold: async () => (await import("./commands/orders.ts")).holdCommand,
  resume: async () => (await import("./commands/orders.ts")).resumeCommand,
  rollback: async () => (await import("./commands/rollback.ts")).rollbackCommand,
  release: async () => (await import("./commands/releases.ts")).releaseCommand,
  releases: async () => (await import("./commands/releases.ts")).releasesCommand,
  alias: async () => (await import("./commands/alias.ts")).aliasCommand,
  gc: async () => (await import("./commands/gc.ts")).gcCommand,
  sweep: async () => (await import("./commands/sweep.ts")).sweepCommand,
  backup: async () => (await import("./commands/backup.ts")).backupCommand,
  restore: async () => (await import("./commands/restore.ts")).restoreCommand,
  diagnose: async () => (await import("./commands/diagnose.ts")).diagnoseCommand,
  explain: async () => (await import("./commands/explain.ts")).explainCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  "build-tensorflow": async () => (await import("./commands/build-tensorflow.ts")).buildTensorflowCommand,
  trainer: async () => (await import("./commands/trainer.ts")).trainerCommand,
  "inference-host": async () => (await import("./commands/inference-host.ts")).inferenceHostCommand,
  worker: async () => (await import("./commands/worker.ts")).workerCommand,
  workers: async () => (await import("./commands/workers.ts")).workersCommand,
  evaluator: async () => (await import("./commands/evaluator.ts")).evaluatorCommand,
  "follow-release": async () => (await import("./commands/follow-release.ts")).followReleaseCommand,
  scaffold: async () => (await import("./commands/scaffold.ts")).scaffoldCommand,
  reproduce: async () => (await import("./commands/reproduce.ts")).reproduceCommand,
  benchmark: async () => (await import("./commands/benchmark.ts")).benchmarkCommand,
  simulate: async () => (await import("./commands/simulate.ts")).simulateCommand,
};

/** The subcommand that a command line names, else all, which help and suggestions need; none for the version. */
export async function commandsFor(args: readonly string[], context: CliContext): Promise<Command[]> {
  const name = args.find((one) => !one.startsWith("-"));
  let loads = Object.values(commands);
  if (name === undefined && /^(-V|--version)$/.test(args[0] ?? "")) loads = [];
  if (name !== undefined && Object.hasOwn(commands, name)) loads = [commands[name] as (typeof loads)[number]];
  const factories = await Promise.all(loads.map((load) => load()));
  return factories.map((create) => create(context));
}

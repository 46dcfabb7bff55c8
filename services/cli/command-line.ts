import { Command } from "commander";
import { didYouMean } from "../common/suggest.ts";
import { exitCodeHelp } from "../runtime/exit-codes.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { aliasCommand } from "./commands/alias.ts";
import { alignmentCommand } from "./commands/alignment.ts";
import { backtestCommand } from "./commands/backtest.ts";
import { backupCommand } from "./commands/backup.ts";
import { benchmarkCommand } from "./commands/benchmark.ts";
import { bootstrapCommand } from "./commands/bootstrap.ts";
import { buildTensorflowCommand } from "./commands/build-tensorflow.ts";
import { compareCommand } from "./commands/compare.ts";
import { decisionsCommand } from "./commands/decisions.ts";
import { demoCommand } from "./commands/demo.ts";
import { diagnoseCommand } from "./commands/diagnose.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evaluatorCommand } from "./commands/evaluator.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand } from "./commands/export.ts";
import { followReleaseCommand } from "./commands/follow-release.ts";
import { gateCommand } from "./commands/gate.ts";
import { gcCommand } from "./commands/gc.ts";
import { inferenceHostCommand } from "./commands/inference-host.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { matrixCommand } from "./commands/matrix.ts";
import { holdCommand, refuseCommand, resumeCommand } from "./commands/orders.ts";
import { pipelineCommand } from "./commands/pipeline.ts";
import { predictCommand } from "./commands/predict.ts";
import { promoteCommand } from "./commands/promote.ts";
import { releaseCommand, releasesCommand } from "./commands/releases.ts";
import { reportCommand } from "./commands/report.ts";
import { reproduceCommand } from "./commands/reproduce.ts";
import { restoreCommand } from "./commands/restore.ts";
import { rollbackCommand } from "./commands/rollback.ts";
import { cancelCommand, runsCommand } from "./commands/runs.ts";
import { scaffoldCommand } from "./commands/scaffold.ts";
import { showCommand } from "./commands/show.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { smokeTestCommand } from "./commands/smoke-test.ts";
import { snapshotsCommand } from "./commands/snapshots.ts";
import { statusCommand } from "./commands/status.ts";
import { studiesCommand } from "./commands/studies.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { trainCommand } from "./commands/train.ts";
import { trainerCommand } from "./commands/trainer.ts";
import { tuneCommand } from "./commands/tune.ts";
import { upCommand } from "./commands/up.ts";
import { validateCommand } from "./commands/validate.ts";
import { verdictsCommand } from "./commands/verdicts.ts";
import { workerCommand } from "./commands/worker.ts";
import { workersCommand } from "./commands/workers.ts";
import { type CliContext, wantsColor } from "./context/context.ts";
import { reportError } from "./terminal/report-error.ts";
import { createStyle } from "./terminal/style.ts";

/** A subcommand, built for one invocation. */
export type CommandFactory = (context: CliContext) => Command;

const commands: readonly CommandFactory[] = [
  demoCommand,
  upCommand,
  validateCommand,
  smokeTestCommand,
  inspectCommand,
  pipelineCommand,
  bootstrapCommand,
  trainCommand,
  runsCommand,
  cancelCommand,
  tuneCommand,
  studiesCommand,
  reportCommand,
  snapshotsCommand,
  showCommand,
  exportCommand,
  predictCommand,
  verdictsCommand,
  matrixCommand,
  alignmentCommand,
  compareCommand,
  statusCommand,
  gateCommand,
  decisionsCommand,
  backtestCommand,
  promoteCommand,
  refuseCommand,
  holdCommand,
  resumeCommand,
  rollbackCommand,
  releaseCommand,
  releasesCommand,
  aliasCommand,
  gcCommand,
  sweepCommand,
  backupCommand,
  restoreCommand,
  diagnoseCommand,
  explainCommand,
  doctorCommand,
  buildTensorflowCommand,
  trainerCommand,
  inferenceHostCommand,
  workerCommand,
  workersCommand,
  evaluatorCommand,
  followReleaseCommand,
  scaffoldCommand,
  reproduceCommand,
  benchmarkCommand,
  simulateCommand,
];

export function createProgram(context: CliContext): Command {
  const program = new Command("uncouple")
    .description(
      "Train the components of a machine-learning pipeline independently, and measure what every update does to the whole pipeline.",
    )
    .version(packageInfo().version, "-V, --version", "print the version")
    .option("-v, --verbose", "print the causes of an error, with stack traces")
    .addHelpText(
      "after",
      `
Get started:
  uncouple demo                       run an example with two teams and write a report
  uncouple up PIPELINE TEAM...        run your own pipeline on this machine; other commands find it
  uncouple COMMAND --help             show the options of a command, with examples

Exit codes:
${exitCodeHelp()}
`,
    );
  for (const create of commands) program.addCommand(create(context));
  configure(program, context);
  return program;
}

/** Runs one command line. @returns the exit code; never throws */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = createProgram(context);
  try {
    if (args.length === 0) program.help();
    rejectUnknownHelp(args, program);
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (thrown) {
    return reportError(thrown, context, program.opts<{ verbose?: boolean }>().verbose === true);
  }
}

/** Rejects `help NAME` for an unknown command; Commander would print the general help without mentioning the name. */
function rejectUnknownHelp([first, name]: readonly string[], program: Command): void {
  const names = program.commands.map((command) => command.name());
  if (first !== "help" || name === undefined || name.startsWith("-") || [...names, "help"].includes(name)) return;
  program.error(`unknown command '${name}'${didYouMean(name, names)}`);
}

/** Configures a command and its subcommands. */
function configure(command: Command, context: CliContext): void {
  for (const subcommand of command.commands) configure(subcommand, context);
  const style = createStyle(wantsColor(context.stdout, context.env));
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({
      helpWidth: Math.min(context.stdout.columns ?? 100, 110),
      sortSubcommands: false,
      showGlobalOptions: false,
      styleTitle: (text) => style.bold(text),
    })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(usageError(text, command, context)),
    });
}

/** `uncouple pipeline apply` */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** Formats Commander's `error: ...\n(Did you mean ...?)` as one line that names the command. */
function usageError(text: string, command: Command, context: CliContext): string {
  const style = createStyle(wantsColor(context.stderr, context.env));
  const name = fullName(command);
  const line = text
    .replace(/^error: /, "")
    .trim()
    .replace(/\.$/, "")
    .replaceAll(/\s*\n\s*/g, " ");
  return `${style.red(`${name}:`)} ${line}; see ${name} --help\n`;
}

import { Command } from "commander";
import { didYouMean } from "../common/suggest.ts";
import { exitCodeHelp } from "../runtime/exit-codes.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { commandsFor } from "./commands.ts";
import { type CliContext, wantsColor } from "./context/context.ts";
import { reportError } from "./terminal/report-error.ts";
import { createStyle } from "./terminal/style.ts";

/** The program with the subcommands that a command line needs. */
export async function createProgram(args: readonly string[], context: CliContext): Promise<Command> {
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
  for (const command of await commandsFor(args, context)) program.addCommand(command);
  configure(program, context);
  return program;
}

/** Runs one command line. @returns the exit code; never throws */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = await createProgram(args, context);
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

import { inspect } from "node:util";
import { CommanderError } from "commander";
import { asUncoupleError } from "../../common/errors.ts";
import { exitCodeOf, exitCodes } from "../../runtime/exit-codes.ts";
import { type CliContext, wantsColor } from "../context/context.ts";
import { createStyle } from "./style.ts";

/** Ends a command that has already printed its outcome, with this exit code. */
export class Finished extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`finished with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/**
 * Prints an error as one line on stderr; with `verbose`, also every cause with its stack.
 * @returns the exit code
 */
export function reportError(thrown: unknown, context: CliContext, verbose: boolean): number {
  if (thrown instanceof Finished) return thrown.exitCode;
  // Commander has already printed its message.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes["invalid-argument"];
  const error = asUncoupleError(thrown);
  const style = createStyle(wantsColor(context.stderr, context.env));
  const hint = error.code === "internal" && !verbose ? " (a bug in Uncouple; use --verbose for details)" : "";
  context.stderr.write(`${style.red("uncouple:")} ${withoutControls(error.message)}${hint}\n`);
  if (verbose) for (const line of causes(error)) context.stderr.write(`${style.dim(line)}\n`);
  return exitCodeOf(error);
}

/** Replaces control characters except line breaks, which separate the problems of a list. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]+/gu, " ").trimEnd();
}

function causes(error: Error): string[] {
  const stack = withoutControls(error.stack ?? String(error)).split("\n");
  const { cause } = error;
  if (cause === undefined) return stack;
  return [...stack, "caused by", ...(cause instanceof Error ? causes(cause) : [withoutControls(inspect(cause))])];
}

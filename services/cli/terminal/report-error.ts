import { inspect } from "node:util";
import { CommanderError } from "commander";
import { asUncoupleError } from "../../common/errors.ts";
import { exitCodeOf, exitCodes } from "../../runtime/exit-codes.ts";
import { type CliContext, wantsColor } from "../context/context.ts";
import { createStyle } from "./style.ts";

/** A command that has said all there is to say ends with this exit code. */
export class Finished extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`finished with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/**
 * Tells a person what went wrong, in a line on stderr; with `verbose`, every cause with its stack.
 * @returns the exit code
 */
export function reportError(thrown: unknown, context: CliContext, verbose: boolean): number {
  if (thrown instanceof Finished) return thrown.exitCode;
  // Commander has said what it had to say.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes["invalid-argument"];
  const error = asUncoupleError(thrown);
  const style = createStyle(wantsColor(context.stderr, context.env));
  const hint = error.code === "internal" && !verbose ? " (a defect of Uncouple; --verbose tells more)" : "";
  context.stderr.write(`${style.red("uncouple:")} ${harmless(error.message)}${hint}\n`);
  if (verbose) for (const line of causes(error)) context.stderr.write(`${style.dim(line)}\n`);
  return exitCodeOf(error);
}

/** Line breaks stay, because a list of problems has one a line; other control characters go. */
function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]+/gu, " ").trimEnd();
}

function causes(error: Error): string[] {
  const stack = harmless(error.stack ?? String(error)).split("\n");
  const { cause } = error;
  if (cause === undefined) return stack;
  return [...stack, "caused by", ...(cause instanceof Error ? causes(cause) : [harmless(inspect(cause))])];
}

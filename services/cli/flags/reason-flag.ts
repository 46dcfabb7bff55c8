import type { Command } from "commander";
import type { Person } from "../../releases/append-order.ts";
import { type CliContext, userName } from "../context/context.ts";

export interface ReasonFlag {
  readonly reason?: string;
}

/** Adds the flag of commands that the ledger keeps with who and why. */
export function withReason(command: Command): Command {
  return command.option("--reason <text>", "why, for the ledger; required under a gate with mode enforce");
}

/** Who gives the command, and why. */
export function personOf({ env }: CliContext, { reason }: ReasonFlag): Person {
  return { by: userName(env), reason: reason ?? null };
}

import { type Command, InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { LEAST_MEMORY_LIMIT } from "../../common/memory-budget.ts";
import { type CliContext, setting } from "../context/context.ts";

/** The memory of a trainer or an evaluator. */
export interface MemoryFlags {
  readonly memoryLimit?: number;
}

export function withMemoryLimit(command: Command): Command {
  return command.option(
    "--memory-limit <size>",
    "maximum memory of the service with its engines and inference hosts, 768MiB, 4GiB; rows beyond their share of it are kept on disk (default: 2GiB, UNCOUPLE_MEMORY_LIMIT)",
    parseMemory,
  );
}

/** The limit in bytes, by the flag or else the environment. @throws UncoupleError `invalid-argument` naming the variable */
export function memoryLimit(context: CliContext, flags: MemoryFlags): number | undefined {
  const text = setting(context.env, "UNCOUPLE_MEMORY_LIMIT");
  if (flags.memoryLimit !== undefined || text === undefined) return flags.memoryLimit;
  try {
    return parseMemory(text);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UncoupleError("invalid-argument", `UNCOUPLE_MEMORY_LIMIT is "${text}". ${message}`);
  }
}

/** The same as arguments for a service of a stack. */
export function memoryArgs({ memoryLimit: bytes }: MemoryFlags): string[] {
  return bytes === undefined ? [] : ["--memory-limit", String(bytes)];
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** Parses a size: 805306368, 768MiB, 1.5GiB. @throws InvalidArgumentError */
function parseMemory(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMGT]iB)?$/.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit] as number));
  if (!Number.isSafeInteger(bytes) || bytes < LEAST_MEMORY_LIMIT) {
    throw new InvalidArgumentError("Expected a size such as 768MiB or 2GiB, at least 512MiB.");
  }
  return bytes;
}

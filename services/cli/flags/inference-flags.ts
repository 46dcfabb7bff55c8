import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { InferenceSettings } from "../../inference/client/create-inference.ts";
import type { HostConnector } from "../../inference/connect/host-connector.ts";
import { type CliContext, setting } from "../context/context.ts";
import { parseCount, parseDuration } from "./reference.ts";

/** How models from the store are run. */
export interface InferenceFlags {
  readonly inferenceHosts?: number;
  readonly inferenceTimeout?: number;
  readonly inferenceMemory?: number;
  readonly inferenceSocket?: string;
}

/** Adds the flags of inference hosts, which errors refer to. */
export function withInferenceFlags(command: Command): Command {
  return withInferenceMemory(command)
    .option("--inference-hosts <n>", "processes that run models from the store (default: 1)", parseCount)
    .option(
      "--inference-timeout <duration>",
      "how long a model may take for a batch of rows, and for each million rows: 90s, 10m (default: 60s)",
      parseTimeout,
    )
    .option(
      "--inference-socket <path>",
      "Unix socket of `uncouple inference-host` to use instead of child processes (UNCOUPLE_INFERENCE_SOCKET)",
    );
}

export function withInferenceMemory(command: Command): Command {
  return command.option(
    "--inference-memory <bytes>",
    "maximum memory of a process that runs models from the store (default: 2 GiB; of a service, half of --memory-limit)",
    parseCount,
  );
}

function parseTimeout(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === 0) throw new InvalidArgumentError("Expected a duration such as 90s, 10m or 1h.");
  return seconds;
}

/** The same as arguments for a service of a stack. */
export function inferenceArgs(flags: InferenceFlags): string[] {
  const { inferenceHosts, inferenceTimeout, inferenceMemory, inferenceSocket } = flags;
  const argument = (name: string, value: number | string | undefined) =>
    value === undefined ? [] : [`--inference-${name}`, String(value)];
  return [
    ...argument("hosts", inferenceHosts),
    ...argument("timeout", inferenceTimeout === undefined ? undefined : `${inferenceTimeout}s`),
    ...argument("memory", inferenceMemory),
    ...argument("socket", inferenceSocket),
  ];
}

/** The settings that flags change. */
export function inferenceSettings(flags: InferenceFlags): Partial<InferenceSettings> {
  return {
    ...(flags.inferenceHosts !== undefined && { hosts: flags.inferenceHosts }),
    ...(flags.inferenceTimeout !== undefined && { timeoutSeconds: flags.inferenceTimeout }),
    ...(flags.inferenceMemory !== undefined && { memoryBytes: flags.inferenceMemory }),
  };
}

/** Child processes, or the hosts behind the socket. @param defaultBytes memory of a host without `--inference-memory` */
export async function inferenceHosts(
  context: CliContext,
  flags: InferenceFlags,
  defaultBytes?: number,
): Promise<HostConnector> {
  const socket = flags.inferenceSocket ?? setting(context.env, "UNCOUPLE_INFERENCE_SOCKET");
  if (socket !== undefined) {
    const { socketHosts } = await import("../../inference/connect/socket-hosts.ts");
    return socketHosts(resolve(context.cwd, socket));
  }
  const [{ spawnedHosts }, { DEFAULT_INFERENCE }] = await Promise.all([
    import("../../inference/connect/spawned-hosts.ts"),
    import("../../inference/client/create-inference.ts"),
  ]);
  const memoryBytes = flags.inferenceMemory ?? defaultBytes ?? DEFAULT_INFERENCE.memoryBytes;
  return spawnedHosts({ memoryBytes, node: process.execPath }, context.clock);
}

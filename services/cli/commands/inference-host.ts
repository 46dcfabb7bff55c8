import { resolve } from "node:path";
import { Command } from "commander";
import type { LogLevel } from "../../runtime/logs.ts";
import { runForeground } from "../connect/foreground.ts";
import { logLevelOption } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { inferenceHosts, withInferenceMemory } from "../flags/inference-flags.ts";
import { parseCount } from "../flags/reference.ts";

interface Flags {
  readonly socket: string;
  readonly maxHosts: number;
  readonly inferenceMemory?: number;
  readonly logLevel: LogLevel;
}

const MAX_HOSTS = 8;
/** How long hosts may take to end. */
const GRACE_SECONDS = 5;

export function inferenceHostCommand(context: CliContext): Command {
  const command = new Command("inference-host")
    .summary("run models from the store for services in other containers")
    .description(
      "Listens on a Unix socket in the foreground. Each connection gets a process of its own, which runs models for the service that connected and is killed when the connection closes. Needs no network, files, credentials or environment: give it a container without any. Services use it with --inference-socket.",
    )
    .requiredOption("--socket <path>", "Unix socket to listen on")
    .option("--max-hosts <n>", "most processes at a time, of all services together", parseCount, MAX_HOSTS);
  return withInferenceMemory(command)
    .addOption(logLevelOption())
    .addHelpText("after", "\nExample:\n  uncouple inference-host --socket /run/uncouple/inference.sock\n")
    .action(async (flags: Flags) => {
      const [{ createLifecycle }, { serveHosts }] = await Promise.all([
        import("../../runtime/lifecycle.ts"),
        import("../../inference/connect/serve-hosts.ts"),
      ]);
      const { clock } = context;
      const path = resolve(context.cwd, flags.socket);
      await runForeground(context, {
        name: "inference-host",
        logLevel: flags.logLevel,
        forcedExitSeconds: 3 * GRACE_SECONDS,
        async start(log) {
          const lifecycle = createLifecycle({
            name: "inference-host",
            clock,
            log,
            graceSeconds: GRACE_SECONDS,
            forceSeconds: GRACE_SECONDS,
          });
          await lifecycle.start(async () => {
            const server = await serveHosts({
              path,
              connector: await inferenceHosts({ ...context, env: {} }, flags),
              maxHosts: flags.maxHosts,
              clock,
              onFailure: (error) => log.error({ error }, "cannot start a host"),
            });
            lifecycle.onCleanup("hosts", () => server.close());
          });
          log.info({ socket: path }, "running models for whoever connects");
          return { lifecycle, stop: () => lifecycle.stop() };
        },
        addresses: () => ({}),
      });
    });
}

import { hostname } from "node:os";
import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { processTableOf } from "../../common/files/folder-lock.ts";
import type { LogLevel } from "../../runtime/logs.ts";
import { waitAtStartup } from "../../runtime/startup-wait.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import { runForeground } from "../connect/foreground.ts";
import { logLevelOption } from "../connect/service.ts";
import type { CliContext } from "../context/context.ts";
import { parseCount, parseDuration, parseName, parsePort } from "../flags/reference.ts";

interface FollowFlags extends ConnectionFlags {
  readonly into: string;
  readonly exec?: string;
  readonly execTimeout: number;
  readonly follower?: string;
  readonly once?: true;
  readonly keep: number;
  readonly startupTimeout: number;
  readonly host: string;
  readonly metricsPort?: number;
  readonly logLevel: LogLevel;
}

export function followReleaseCommand(context: CliContext): Command {
  return withPeers(
    new Command("follow-release")
      .summary("bring every release to a server")
      .description(
        "Writes each release of the pipeline into a folder, for a server beside it: the models, the pipeline as one ONNX graph, and a Triton model repository, after checking all digests. The symbolic link DIR/current moves to the new release atomically; then a command lets the server load it. Runs in the foreground, waits through outages, and may be killed at any time. docs/serving.md describes the folder.",
      )
      .requiredOption("--into <folder>", "folder to write to; created if it is missing")
      .option(
        "--exec <command>",
        "shell command to run after every new release, with UNCOUPLE_RELEASE and UNCOUPLE_RELEASE_DIR; until it exits with 0, it runs again, and the release does not count as served",
      )
      .option(
        "--exec-timeout <duration>",
        "how long the command may take: 90s, 10m; then it is killed; 0: no limit",
        parseDuration,
        60,
      )
      .option(
        "--follower <name>",
        "report what is served to the ledger under this name (default: no reports)",
        parseName,
      )
      .option("--keep <count>", "newest releases to keep in the folder", parseCount, 3)
      .option("--once", "end when the newest release is served, for an init container")
      .option(
        "--startup-timeout <duration>",
        "how long to wait for NATS at the start, and with --once for the release: 90s, 10m, 1h; 0: no limit",
        parseDuration,
        600,
      )
      .option("--host <address>", "address to serve metrics on; 0.0.0.0 for all interfaces", "127.0.0.1")
      .option(
        "--metrics-port <port>",
        "port of /metrics, /livez and /readyz; 0 for any free port (default: not served)",
        parsePort,
      )
      .addOption(logLevelOption()),
    "registry",
  )
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple follow-release --into /models --follower serving --exec 'curl -fsS -X POST localhost:8080/reload'\n  uncouple follow-release --into /models --once\n",
    )
    .action(async (flags: FollowFlags) => {
      const { clock } = context;
      const { host, metricsPort, startupTimeout } = flags;
      const { pipeline, ...access } = await withConnections(context, flags, (connections) => connections.access());
      const { LONGEST_STOP_SECONDS, runFollower } = await import("../../serving/run-follower.ts");
      const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
      await runForeground(context, {
        name: "follower",
        logLevel: flags.logLevel,
        forcedExitSeconds: LONGEST_STOP_SECONDS + 5,
        start: (log) =>
          runFollower(
            {
              pipeline,
              into: resolve(context.cwd, flags.into),
              exec: flags.exec,
              execTimeoutSeconds: flags.execTimeout,
              env: context.env,
              name: flags.follower,
              keep: flags.keep,
              once: flags.once === true ? { limitSeconds: startupTimeout } : undefined,
              http: metricsPort === undefined ? undefined : { host, port: metricsPort },
            },
            {
              clock,
              log,
              processes: processTableOf(process, hostname()),
              killGroup: (pid) => void process.kill(-pid, "SIGKILL"),
              connect: (wait) =>
                waitAtStartup({ clock, log, limitSeconds: startupTimeout }, wait, async () => {
                  try {
                    return await connectJetStream({
                      ...access,
                      pipeline,
                      clock,
                      name: "uncouple follow-release",
                      create: false,
                      log: (level, message) => log[level](message),
                    });
                  } catch (thrown) {
                    // The pipeline's first service has not started yet.
                    if (!(thrown instanceof UncoupleError) || thrown.code !== "not-found") throw thrown;
                    throw new UncoupleError("unavailable", thrown.message, { cause: thrown });
                  }
                }),
            },
          ),
        addresses: ({ httpPort }) => (httpPort === undefined ? {} : { http: `${host}:${httpPort}` }),
      });
    });
}

import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { asUncoupleError, UncoupleError } from "../pipeline/errors.ts";
import { exitCodeOf } from "../runtime/exit-codes.ts";
import { createLog } from "../runtime/logs.ts";
import { stopOnSignals } from "../runtime/signals.ts";
import { processTableOf } from "./folder-lock.ts";
import type { RunTrainerOptions } from "./run-trainer.ts";

const USAGE =
  "node main.js --pipeline FILE --team FILE --nats URL --state DIR [--host HOST] [--grpc-port N] [--http-port N] [--checkpoint-seconds S]";

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        pipeline: { type: "string" },
        team: { type: "string" },
        nats: { type: "string" },
        state: { type: "string" },
        host: { type: "string", default: "127.0.0.1" },
        "grpc-port": { type: "string", default: "0" },
        "http-port": { type: "string", default: "0" },
        "checkpoint-seconds": { type: "string", default: "5" },
      },
    });
    return values;
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${(cause as Error).message}; usage: ${USAGE}`, { cause });
  }
}

function needed(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new UncoupleError("invalid-argument", `--${name} is missing; usage: ${USAGE}`);
}

function port(name: string, value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) < 65_536) return Number(value);
  throw new UncoupleError("invalid-argument", `--${name} must be a port, not ${value}`);
}

function seconds(name: string, value: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(value)) return Number(value);
  throw new UncoupleError("invalid-argument", `--${name} must be a number of seconds, not ${value}`);
}

/**
 * The trainer alone, for a container: one JSON log line an event on standard output, the addresses in the line with
 * `grpc` and `http`, exit codes as those of the `uncouple` command.
 */
async function main(): Promise<void> {
  const log = createLog({ service: "trainer", destination: process.stdout });
  try {
    const values = readArguments();
    const nats = needed("nats", values.nats);
    const options: RunTrainerOptions = {
      pipelineFile: needed("pipeline", values.pipeline),
      teamFile: needed("team", values.team),
      stateDir: needed("state", values.state),
      host: values.host,
      grpcPort: port("grpc-port", values["grpc-port"]),
      httpPort: port("http-port", values["http-port"]),
      checkpointSeconds: seconds("checkpoint-seconds", values["checkpoint-seconds"]),
    };
    // They come with tfjs and take seconds: a wrong flag is answered at once.
    const { connectJetStream } = await import("../registry/jetstream/backplane.ts");
    const { longestStopSeconds, runTrainer } = await import("./run-trainer.ts");
    const trainer = await runTrainer(options, {
      connect: (pipeline) =>
        connectJetStream({
          url: nats,
          pipeline: pipeline.name,
          name: `trainer ${options.teamFile}`,
          log: (level, message) => log[level](message),
        }),
      processes: processTableOf(process, hostname()),
      log,
    });
    stopOnSignals({ process, log, stop: trainer.stop, forcedExitSeconds: longestStopSeconds(options) });
  } catch (thrown) {
    log.fatal({ error: thrown }, asUncoupleError(thrown).message);
    process.exitCode = exitCodeOf(thrown);
  }
}

await main();

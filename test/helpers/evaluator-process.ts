/**
 * An evaluator as a process of its own, for tests that kill it. Its argument is JSON: pipelineFile, natsUrl, name. It
 * prints log lines, and `serving GRPC HTTP` with its ports when it has started.
 */
import { runEvaluator } from "../../services/evaluator/run-evaluator.ts";
import { connectJetStream } from "../../services/registry/jetstream/backplane.ts";
import { createLog } from "../../services/runtime/logs.ts";
import { stopOnSignals } from "../../services/runtime/signals.ts";

const { pipelineFile, natsUrl, name } = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const log = createLog({ service: "evaluator", destination: process.stdout, format: "json" });
const evaluator = await runEvaluator(
  { pipelineFile: pipelineFile ?? "", name: name ?? "", host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
  {
    connect: (pipeline) => connectJetStream({ url: natsUrl ?? "", pipeline: pipeline.name, name: name ?? "" }),
    log,
  },
);
stopOnSignals({ process, log, stop: evaluator.stop, forcedExitSeconds: 30 });
process.stdout.write(`serving ${evaluator.grpcPort} ${evaluator.httpPort}\n`);

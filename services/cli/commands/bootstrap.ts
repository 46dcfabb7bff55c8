import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { waitAtStartup } from "../../runtime/startup-wait.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import { type StoreFlags, withStoreFlags } from "../connect/service.ts";
import { type CliContext, setting, userName } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type NatsFlags, natsAccess, withNatsFlags } from "../flags/nats-flags.ts";
import { parseDuration } from "../flags/reference.ts";
import { applyPipelineFile } from "../stack/apply-file.ts";
import { createOutput } from "../terminal/output.ts";
import { applyText } from "../text/pipeline-text.ts";

interface BootstrapFlags extends StoreFlags, NatsFlags {
  readonly pipeline: string;
  readonly nats?: string;
  readonly startupTimeout?: number;
  readonly breaking?: true;
  readonly json?: true;
}

export function bootstrapCommand(context: CliContext): Command {
  const command = new Command("bootstrap")
    .summary("prepare a NATS server for a pipeline")
    .description(
      "Prepares a NATS server for a pipeline: creates its missing streams, sets their replicas and limits, and puts the pipeline file in force. Running it again changes nothing, so a deployment can run it with every update.",
    )
    .requiredOption("--pipeline <file>", "the pipeline file")
    .option("--nats <url>", "NATS server with JetStream (NATS_URL)")
    .option(
      "--startup-timeout <duration>",
      "how long to wait for NATS: 90s, 10m, 1h; 0 for ever (default: not at all)",
      parseDuration,
    )
    .option("--breaking", "put the pipeline file in force even if it has breaking changes")
    .option("--json", "print JSON: { pipeline, digest, previous, class, changes, applied }");
  return withNatsFlags(withStoreFlags(command))
    .addHelpText(
      "after",
      "\nExample:\n  uncouple bootstrap --pipeline pipeline.yaml --nats nats://nats:4222 --replicas 3\n",
    )
    .action(async (flags: BootstrapFlags) => {
      const output = createOutput(context, flags.json === true);
      const natsUrl = flags.nats ?? setting(context.env, "NATS_URL");
      if (natsUrl === undefined) {
        throw new UncoupleError("invalid-argument", "no NATS server given; use --nats URL or set NATS_URL");
      }
      const pipeline = await requirePipelineFile(context, flags.pipeline);
      const apply = () =>
        applyPipelineFile({
          access: natsAccess(context, flags, natsUrl),
          pipeline,
          store: flags,
          clock: context.clock,
          name: "uncouple bootstrap",
          breaking: flags.breaking === true,
          by: `${userName(context.env)} (uncouple bootstrap)`,
        });
      const { clock, interrupted } = context;
      const { startupTimeout } = flags;
      const { plan, applied } = await interruptible(
        context,
        startupTimeout === undefined
          ? apply()
          : waitAtStartup(
              { clock, log: { warn: (message: string) => output.note(message) }, limitSeconds: startupTimeout },
              { signal: interrupted, waiting: () => {} },
              apply,
            ),
      );
      output.result({ ...plan, applied }, (style) => applyText(plan, applied, style));
    });
}

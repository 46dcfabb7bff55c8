import { Command } from "commander";
import type { CliContext } from "../context/context.ts";
import { scaffoldNatsCommand } from "./scaffold-nats.ts";
import { scaffoldPipelineCommand } from "./scaffold-pipeline.ts";
import { scaffoldTeamCommand } from "./scaffold-team.ts";

export function scaffoldCommand(context: CliContext): Command {
  return new Command("scaffold")
    .summary("write what a deployment needs")
    .description(
      "Writes the files of a deployment on Kubernetes, and of a NATS server with accounts, for you to review.",
    )
    .addCommand(scaffoldPipelineCommand(context))
    .addCommand(scaffoldTeamCommand(context))
    .addCommand(scaffoldNatsCommand(context))
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple scaffold pipeline --pipeline pipeline.yaml --out deployment\n  uncouple scaffold team m2 --pipeline pipeline.yaml --out deployment\n  uncouple scaffold nats --pipeline pipeline.yaml --out nats\n",
    );
}

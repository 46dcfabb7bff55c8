import { Command } from "commander";
import type { CliContext } from "../context/context.ts";
import { scaffoldNatsCommand } from "./scaffold-nats.ts";

export function scaffoldCommand(context: CliContext): Command {
  return new Command("scaffold")
    .summary("write what a deployment needs")
    .description("Writes the files of a deployment for you to review.")
    .addCommand(scaffoldNatsCommand(context))
    .addHelpText("after", "\nExample:\n  uncouple scaffold nats --pipeline pipeline.yaml --out nats\n");
}

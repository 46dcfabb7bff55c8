import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { fileTrouble } from "../../common/files/file-trouble.ts";
import { type ConnectionFlags, withConnections, withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { predictionRows, readPredictionRows } from "../flags/prediction-rows.ts";
import { parseSnapshot, type SnapshotChoice } from "../flags/reference.ts";
import { createOutput } from "../terminal/output.ts";

export function predictCommand(context: CliContext): Command {
  return withPeers(
    new Command("predict")
      .summary("predict with a snapshot")
      .description(
        "Predicts the rows of a JSON file with a snapshot, on the component's trainer. Rows contain raw columns and upstream outputs under their names in the pipeline file. Prints one line of numbers per row.",
      )
      .argument("<component[@serial]>", "m2 for its newest snapshot, or m2@3", parseSnapshot)
      .argument("<file>", "rows as JSON: [{ x2: [...], z: [...] }, ...]")
      .option("--json", "print JSON: { serial, values }"),
    "trainer",
  )
    .addHelpText("after", "\nExample:\n  uncouple predict m2@3 rows.json\n")
    .action(async (target: SnapshotChoice, file: string, flags: ConnectionFlags & { readonly json?: true }) => {
      const output = createOutput(context, flags.json === true);
      const text = await readFile(resolve(context.cwd, file), "utf8").catch((cause: unknown) => {
        throw new UncoupleError("invalid-argument", `${file} cannot be read: ${fileTrouble(cause)}`, { cause });
      });
      const inputs = readPredictionRows(text, file);
      const prediction = await withConnections(context, flags, async (connections) =>
        (await connections.trainer(target.component)).predict(inputs, target.serial),
      );
      const values = predictionRows(prediction);
      output.result({ serial: prediction.serial, values }, () => values.map((row) => row.join(" ")).join("\n"));
    });
}

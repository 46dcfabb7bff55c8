import { join, resolve } from "node:path";
import { Command } from "commander";
import { secondsSince } from "../../common/clock/clock.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { CliContext } from "../context/context.ts";
import { createOutput } from "../terminal/output.ts";

interface Flags {
  readonly out?: string;
  readonly json?: true;
}

export function simulateMergeCommand(context: CliContext): Command {
  return new Command("merge")
    .summary("make one report of the shards of a simulation")
    .description(
      "Collects what `uncouple simulate --shard I/N --out FOLDER` has left in folders, and makes the results that one process would have made: the same but for `seconds`, the time that merging took. Shards may have used one folder.",
    )
    .argument("<folders...>", "the folders of all shards")
    .option("--out <folder>", "folder for report.html, results.json and CSV files (default: out/simulate)")
    .option("--json", "print the results as JSON; writes files only with --out")
    .addHelpText("after", "\nExample:\n  uncouple simulate merge shard-0 shard-1 --out results\n")
    .action(async (folders: readonly string[], _: Flags, command: Command) => {
      // Flags that the parent has as well are taken for its own, wherever they stand.
      const flags = command.optsWithGlobals<Flags>();
      const output = createOutput(context, flags.json === true);
      // Loaded lazily: other subcommands do not need them.
      const [{ mergeParts }, { simulationResults }, { packageInfo }, { showSimulation }] = await Promise.all([
        import("../../simulator/jobs/merge-parts.ts"),
        import("../../simulator/measures/simulation-results.ts"),
        import("../../runtime/package-info.ts"),
        import("../files/show-simulation.ts"),
      ]);
      const began = context.clock.elapsed();
      const { scenario, runs } = await mergeParts(folders.map((folder) => resolve(context.cwd, folder)));
      const folder =
        flags.json === true && flags.out === undefined
          ? undefined
          : resolve(context.cwd, flags.out ?? join("out", "simulate"));
      if (folder !== undefined) await makeFolder(folder);
      const results = simulationResults(scenario, runs, secondsSince(context.clock, began));
      const versions = `uncouple ${packageInfo().version}, merged from ${folders.length} folders.`;
      await showSimulation({ output, folder, outcome: { results, runs }, versions });
    });
}

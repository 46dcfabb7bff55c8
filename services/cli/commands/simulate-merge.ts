import { resolve } from "node:path";
import { Command } from "commander";
import { secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type NatsFlags, withNatsFlags } from "../flags/nats-flags.ts";
import { createOutput } from "../terminal/output.ts";

interface Flags extends NatsFlags {
  readonly out?: string;
  readonly json?: true;
}

export function simulateMergeCommand(context: CliContext): Command {
  const command = new Command("merge")
    .summary("make one report of the shards of a simulation")
    .description(
      "Collects what `uncouple simulate --shard I/N --out PLACE` has left in folders or buckets, and makes the results that one process would have made: the same but for `seconds`, the time that merging took. Shards may have used one place.",
    )
    .argument("<places...>", "the folders or buckets of all shards; a bucket is nats://HOST:PORT/BUCKET")
    .option("--out <folder>", "folder for report.html, results.json and CSV files (default: out/simulate)")
    .option("--json", "print the results as JSON; writes files only with --out");
  return withNatsFlags(command)
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple simulate merge shard-0 shard-1 --out results\n  uncouple simulate merge nats://127.0.0.1:4222/fifty-teams --out results\n",
    )
    .action(async (names: readonly string[], _: Flags, command: Command) => {
      // Flags that the parent has as well are taken for its own, wherever they stand.
      const flags = command.optsWithGlobals<Flags>();
      const output = createOutput(context, flags.json === true);
      // Loaded lazily: other subcommands do not need them.
      const [
        { isBucket, RESULTS, withPartPlaces },
        { mergeParts },
        { simulationResults },
        { packageInfo },
        { showSimulation },
      ] = await Promise.all([
        import("../connect/part-places.ts"),
        import("../../simulator/jobs/merge-parts.ts"),
        import("../../simulator/measures/simulation-results.ts"),
        import("../../runtime/package-info.ts"),
        import("../files/show-simulation.ts"),
      ]);
      if (flags.out !== undefined && isBucket(flags.out)) {
        throw new UncoupleError(
          "invalid-argument",
          "merge writes its results into a folder, not a bucket; change --out",
        );
      }
      const began = context.clock.elapsed();
      const { scenario, runs } = await interruptible(
        context,
        withPartPlaces(context, flags, names, { create: false }, mergeParts),
      );
      const folder =
        flags.json === true && flags.out === undefined ? undefined : resolve(context.cwd, flags.out ?? RESULTS);
      if (folder !== undefined) await makeFolder(folder);
      const results = simulationResults(scenario, runs, secondsSince(context.clock, began));
      const versions = `uncouple ${packageInfo().version}, merged from ${names.length} ${names.length === 1 ? "place" : "places"}.`;
      await showSimulation({ output, folder, outcome: { results, runs }, versions });
    });
}

import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { availableCpus } from "../../common/available-cpus.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { BenchmarkResults } from "../../experiments/wild/benchmark-results.ts";
import type { CliContext } from "../context/context.ts";
import { integer } from "../flags/integer.ts";
import { chooseNamed } from "../flags/named-choice.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";

interface Flags {
  readonly pipelines?: readonly string[];
  readonly protocols?: readonly string[];
  readonly seeds?: number;
  readonly jobs: number;
  readonly quick?: true;
  readonly out?: string;
  readonly json?: true;
}

const SEEDS = 5;
const QUICK_SEEDS = 4;
const QUICK_METHODS = ["sync", "async", "proximal", "causal:pooled"];

export function benchmarkCommand(context: CliContext): Command {
  return new Command("benchmark")
    .summary("measure self-defeating improvements on public pipelines")
    .description(
      "Trains pipelines made of public tables under every protocol and counterfactual source, updates their upstream components, and measures what that does to the pipeline: the consistency gap, how often and how much a better component makes the pipeline worse, and what each method costs. Writes a report with plots. After an interruption, the same command resumes.",
    )
    .option("--pipelines <names>", "pipelines, separated by commas (default: all)", list)
    .option(
      "--protocols <names>",
      "protocols, separated by commas, such as async,causal or causal:pooled (default: all)",
      list,
    )
    .option("--seeds <n>", `number of divisions of each table (default: ${SEEDS})`, integer(1, 1000))
    .option(
      "--jobs <n>",
      "pipelines to train in parallel; does not affect the results",
      integer(1, 1000),
      availableCpus(),
    )
    .option("--quick", `${QUICK_SEEDS} seeds and ${QUICK_METHODS.length} methods unless they are chosen`)
    .option("--out <folder>", "folder for report.html and results.json (default: out/benchmark)")
    .option("--json", "print the results as JSON; writes files only with --out, and resumes only with it")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple benchmark --quick\n  uncouple benchmark --pipelines diamonds,cars --protocols async,causal --seeds 20\n",
    )
    .action(async (flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      // Loaded lazily: tfjs and DuckDB load slowly, and other subcommands do not need them.
      const [
        { wildPipelines },
        { wildMethods },
        { runBenchmark },
        { createSeedStore },
        { benchmarkResults },
        { benchmarkReport },
        { createEngine },
        { packageInfo },
        { benchmarkText },
      ] = await Promise.all([
        import("../../experiments/wild/pipelines/all.ts"),
        import("../../experiments/wild/methods/all.ts"),
        import("../../experiments/wild/run-benchmark.ts"),
        import("../../experiments/wild/seed-store.ts"),
        import("../../experiments/wild/benchmark-results.ts"),
        import("../../experiments/wild/benchmark-report.ts"),
        import("../../engine/create-engine.ts"),
        import("../../runtime/package-info.ts"),
        import("../text/benchmark-text.ts"),
      ]);
      const pipelines = chooseNamed("pipeline", flags.pipelines, wildPipelines);
      const methods = chooseNamed("protocol", flags.protocols ?? (flags.quick && QUICK_METHODS), wildMethods);
      const folder =
        flags.json === true && flags.out === undefined
          ? undefined
          : resolve(context.cwd, flags.out ?? join("out", "benchmark"));
      // Created first, so that a failure costs no work.
      if (folder !== undefined) await makeFolder(folder);
      const store = folder === undefined ? undefined : createSeedStore(join(folder, "parts"));
      const count = flags.seeds ?? (flags.quick ? QUICK_SEEDS : SEEDS);
      const seeds = Array.from({ length: count }, (_, seed) => seed);
      const { root, version } = packageInfo();
      const engine = await createEngine("wasm", { clock: context.clock, log: () => {} });
      const progress = await createCountProgress(context.stderr, "parts", context.clock);
      let results: BenchmarkResults;
      try {
        const parts = await runBenchmark({
          pipelines,
          methods,
          seeds,
          jobs: flags.jobs,
          data: join(root, "benchmark", "data"),
          engine,
          version,
          ...(store !== undefined && { store }),
          signal: context.interrupted,
          onProgress: (done, total) => progress.update(done, total),
        });
        results = benchmarkResults(pipelines, methods, seeds, parts);
      } catch (thrown) {
        if (store !== undefined && context.interrupted.aborted) {
          progress.stop();
          output.note("Finished parts are kept; the same command resumes.");
        }
        throw thrown;
      } finally {
        progress.stop();
      }
      // Printed first, so that it is not lost if the report cannot be written.
      output.result(results, (style, width) => benchmarkText(results, style, width));
      if (folder === undefined) return;
      const footer = `uncouple ${version}, engine ${engine.name}, seeds 0 to ${count - 1}.`;
      const [report, file] = [join(folder, "report.html"), join(folder, "results.json")];
      await writeWhole(report, report, await benchmarkReport(results, footer), true);
      await writeWhole(file, file, `${JSON.stringify(results, null, 2)}\n`, true);
      await store?.clear();
      output.note(`Report: ${report}`);
    });
}

function list(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("Expected names separated by commas.");
  return names;
}

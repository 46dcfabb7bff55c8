import { join, resolve } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import { availableCpus } from "../../common/available-cpus.ts";
import { secondsSince } from "../../common/clock/clock.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { ExperimentName, Reproduction } from "../../experiments/reproduce.ts";
import type { CliContext } from "../context/context.ts";
import { integer } from "../flags/integer.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";

interface Options {
  readonly seeds: number;
  readonly firstSeed: number;
  readonly jobs: number;
  readonly a: number;
  readonly b: number;
  readonly out?: string;
  readonly json?: true;
}

const names = [
  "figure1",
  "table1",
  "table2",
  "figure3",
  "all",
  "dag",
  "estimators",
  "support",
  "policy",
  "diagnosis",
  "gap",
  "gate",
];

export function reproduceCommand(context: CliContext): Command {
  return new Command("reproduce")
    .summary("reproduce the paper's tables and figures")
    .description(
      "Runs the experiments of Modi et al. (2023) in this process, with the learning code of the services, and writes a report with plots next to the paper's values. `all` runs the paper's four. The others go beyond the paper: `dag` trains a chain of three and a diamond of four components in parallel on stale inputs and exchanges all of them at once; `estimators` trains causally from 100 to 1,000 audited rows instead of the oracle, also from labels of a probability; `support` shows what happens if M1's output does not cover its space; `policy` has an M2 that makes decisions; `diagnosis` explains why two better M1s degrade the pipeline although M2 is retrained; `gap` forecasts by the consistency gap what a right M1 does to the pipeline, and compares with the verdict; `gate` lets both teams train for 24 ticks, and shows what gates release, with and without sets and co-training.",
    )
    .addArgument(new Argument("<experiment>", "the experiment to run").choices(names))
    .option("--seeds <n>", "number of seeds", integer(1, 10_000), 10)
    .option("--first-seed <seed>", "the first seed", integer(0, 1_000_000_000), 0)
    .option("--jobs <n>", "seeds to run in parallel; does not affect the results", integer(1, 1_000), availableCpus())
    .option("--a <number>", "figure1: z = a x1^2 + b x1", number, 2)
    .option("--b <number>", "figure1: the linear coefficient", number, 1)
    .option("--out <folder>", "folder for report.html and results.json (default: out/reproduce)")
    .option("--json", "print the results as JSON; writes a report only with --out")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple reproduce all\n  uncouple reproduce figure1 --a 1 --b 1\n  uncouple reproduce table1 --seeds 100\n  uncouple reproduce figure3 --seeds 20 --json\n",
    )
    .action(async (experiment: ExperimentName | "all", options: Options) => {
      const output = createOutput(context, options.json === true);
      const folder =
        options.json === true && options.out === undefined
          ? undefined
          : resolve(context.cwd, options.out ?? join("out", "reproduce"));
      // Created first, so that a failure costs no work.
      if (folder !== undefined) await makeFolder(folder);
      // Loaded lazily: tfjs and ONNX Runtime load slowly, and other subcommands do not need them.
      const [
        { PAPER_EXPERIMENTS, reproduce },
        { PAPER_SIZES },
        { createEngine },
        { reproductionReport },
        { packageInfo },
        { reproductionText },
      ] = await Promise.all([
        import("../../experiments/reproduce.ts"),
        import("../../experiments/paper/two-stage.ts"),
        import("../../engine/create-engine.ts"),
        import("../../experiments/reproduction-report.ts"),
        import("../../runtime/package-info.ts"),
        import("../text/reproduction-text.ts"),
      ]);
      const { clock } = context;
      const engine = await createEngine("wasm", { clock, log: () => {} });
      const seeds = Array.from({ length: options.seeds }, (_, i) => options.firstSeed + i);
      const began = clock.elapsed();
      const progress = await createCountProgress(context.stderr, "seeds");
      let reproduction: Reproduction;
      try {
        reproduction = await reproduce({
          experiments: experiment === "all" ? PAPER_EXPERIMENTS : [experiment],
          seeds,
          jobs: options.jobs,
          sizes: PAPER_SIZES,
          a: options.a,
          b: options.b,
          engine,
          signal: context.interrupted,
          onProgress: (done, total) => progress.update(done, total),
        });
      } finally {
        progress.stop();
      }
      const single = experiment === "all" ? reproduction : reproduction[experiment];
      // Printed first, so that it is not lost if the report cannot be written.
      output.result(single, (style, width) => reproductionText(reproduction, style, width));
      if (folder !== undefined) {
        const seconds = Math.round(secondsSince(clock, began));
        const footer = `uncouple ${packageInfo().version}, engine ${engine.name}, seeds ${seeds[0]} to ${seeds.at(-1)}, ${seconds} s.`;
        const [report, results] = [join(folder, "report.html"), join(folder, "results.json")];
        await writeWhole(report, report, await reproductionReport(reproduction, footer), true);
        await writeWhole(results, results, `${JSON.stringify(single, null, 2)}\n`, true);
        output.note(`Report: ${report}`);
      }
    });
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value === 0) {
    throw new InvalidArgumentError("Expected a nonzero number.");
  }
  return value;
}

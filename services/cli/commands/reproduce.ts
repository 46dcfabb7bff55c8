import { join, resolve } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import { secondsSince } from "../../common/clock/clock.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { ExperimentName, Reproduction } from "../../experiments/reproduce.ts";
import type { CliContext } from "../context/context.ts";
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

const names = ["figure1", "table1", "table2", "figure3", "all", "dag", "estimators", "support", "policy", "diagnosis"];

export function reproduceCommand(context: CliContext): Command {
  return new Command("reproduce")
    .summary("the paper's tables and figures, trained and measured anew")
    .description(
      "Runs the experiments of Modi et al. 2023 in this process, through the learning code that the services use, and writes a report with plots beside the paper's values. `all` is the paper's four. Beyond it: `dag`, a chain of three and a diamond of four components, all trained in parallel on stale inputs and exchanged at once; `estimators`, causal training from 100 to 1,000 audited rows in place of the oracle; `support`, what happens where M1's output does not cover its space; `policy`, an M2 that decides; `diagnosis`, why two better M1s degrade the pipeline although M2 is retrained.",
    )
    .addArgument(new Argument("<experiment>", "what to reproduce").choices(names))
    .option("--seeds <n>", "how many seeds", integer(1, 10_000), 10)
    .option("--first-seed <seed>", "the first of them", integer(0, 1_000_000_000), 0)
    .option("--jobs <n>", "seeds at a time; changes nothing in the numbers", integer(1, 1_000), 2)
    .option("--a <number>", "figure1: z = a x1^2 + b x1", number, 2)
    .option("--b <number>", "figure1: the linear coefficient", number, 1)
    .option("--out <folder>", "where report.html and results.json go (default: out/reproduce)")
    .option("--json", "print the numbers as JSON; no report unless --out is given")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple reproduce all\n  uncouple reproduce figure1 --a 1 --b 1\n  uncouple reproduce figure3 --seeds 20 --json\n",
    )
    .action(async (experiment: ExperimentName | "all", options: Options) => {
      const output = createOutput(context, options.json === true);
      const folder =
        options.json === true && options.out === undefined
          ? undefined
          : resolve(context.cwd, options.out ?? join("out", "reproduce"));
      // Before the work that would be lost without it.
      if (folder !== undefined) await makeFolder(folder);
      // Loaded here: tfjs and ONNX Runtime take a while, and the other subcommands start without them.
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
      const engine = await createEngine("onnx:cpu", { clock, log: () => {} });
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
      // First, so that it is not lost where the report cannot be written.
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

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value === 0) {
    throw new InvalidArgumentError("It is a number other than 0.");
  }
  return value;
}

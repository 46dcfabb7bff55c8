import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { availableCpus } from "../../common/available-cpus.ts";
import { secondsSince } from "../../common/clock/clock.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";
import type { PolicyRun } from "../../simulator/records/policy-run.ts";
import type { CliContext } from "../context/context.ts";
import { integer } from "../flags/integer.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";

interface Flags {
  readonly teams?: number;
  readonly shape?: string;
  readonly ticks?: number;
  readonly policy?: readonly string[];
  readonly seeds?: number;
  readonly jobs: number;
  readonly out?: string;
  readonly json?: true;
}

/** How often progress is shown. */
const PROGRESS_STEPS = 50;

export function simulateCommand(context: CliContext): Command {
  return new Command("simulate")
    .summary("try update policies on a model of an organization")
    .description(
      "Simulates teams that train and deploy the components of a pipeline by themselves, in virtual time: with real trainings, compositions, verdicts and gates. Compares policies by the pipeline loss over time and by what they cost. The same scenario and seeds give the same results, whatever the number of jobs.",
    )
    .argument("[scenario]", "a scenario file (YAML); flags take the place of its keys")
    .option("--teams <n>", "number of teams (default: 200)", integer(2, 10_000))
    .option("--shape <shape>", "chain, diamond, layered, star or random (default: layered; of two teams, chain)")
    .option("--ticks <n>", "length in ticks, the unit of virtual time (default: 52)", integer(1, 100_000))
    .option("--policy <names>", "policies, separated by commas (default: async,async-rejecting,proximal,causal)", list)
    .option("--seeds <n>", "number of seeds (default: 1)", integer(1, 10_000))
    .option("--jobs <n>", "policies and seeds to simulate in parallel", integer(1, 1000), availableCpus())
    .option("--out <folder>", "folder for results.json and runs.json (default: out/simulate)")
    .option("--json", "print the results as JSON; writes files only with --out")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple simulate --teams 2 --policy async,async-rejecting,causal --seeds 5\n  uncouple simulate organization.yaml --jobs 4\n",
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      // Loaded lazily: tfjs loads slowly, and other subcommands do not need it.
      const [
        { readScenario },
        { scenarioOfFlags },
        { runSimulation },
        { simulationResults },
        { createEngine },
        { simulationText },
      ] = await Promise.all([
        import("../connect/scenario.ts"),
        import("../../simulator/scenario/scenario-file.ts"),
        import("../../simulator/jobs/run-simulation.ts"),
        import("../../simulator/measures/simulation-results.ts"),
        import("../../engine/create-engine.ts"),
        import("../text/simulation-text.ts"),
      ]);
      const keys = keysOf(flags);
      const scenario =
        file === undefined
          ? scenarioOfFlags({ scenario: "flags", ...keys })
          : await readScenario(file, context.cwd, keys);
      const folder =
        flags.json === true && flags.out === undefined
          ? undefined
          : resolve(context.cwd, flags.out ?? join("out", "simulate"));
      // Created first, so that a failure costs no work.
      if (folder !== undefined) await makeFolder(folder);
      const { clock } = context;
      const engine = await createEngine("wasm", { clock, log: () => {} });
      const began = clock.elapsed();
      const progress = await createCountProgress(context.stderr, "ticks", clock);
      let shown = -1;
      let runs: readonly PolicyRun[];
      try {
        runs = await runSimulation({
          scenario,
          jobs: flags.jobs,
          engine,
          signal: context.interrupted,
          onProgress(done, total) {
            const step = Math.floor((PROGRESS_STEPS * done) / total);
            if (step > shown) progress.update(done, total);
            shown = step;
          },
        });
      } finally {
        progress.stop();
      }
      const results = simulationResults(scenario, runs, secondsSince(clock, began));
      // Printed first, so that it is not lost if a file cannot be written.
      output.result(results, (style, width) => simulationText(results, style, width));
      if (folder === undefined) return;
      for (const [name, value] of Object.entries({ results, runs })) {
        const path = join(folder, `${name}.json`);
        await writeWhole(path, path, `${JSON.stringify(value, null, 2)}\n`, true);
      }
      output.note(`Results: ${join(folder, "results.json")}`);
    });
}

/** The keys of a scenario file that flags set. */
function keysOf({ teams, shape, ticks, policy, seeds }: Flags) {
  const keys = { teams, edges: shape, ticks, policies: policy, seeds };
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

function list(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("Expected names separated by commas.");
  return names;
}

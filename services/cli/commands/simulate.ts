import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { availableCpus } from "../../common/available-cpus.ts";
import { secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { formatSeconds } from "../../report/numbers.ts";
import type { Shard } from "../../simulator/jobs/shard.ts";
import type { SimulationResults } from "../../simulator/measures/simulation-results.ts";
import type { PolicyRun } from "../../simulator/records/policy-run.ts";
import { withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { integer } from "../flags/integer.ts";
import { shard } from "../flags/shard.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import { createOutput } from "../terminal/output.ts";
import { type CalibrateFlags, calibrate } from "./simulate-calibrate.ts";
import { simulateMergeCommand } from "./simulate-merge.ts";

interface Flags extends CalibrateFlags {
  readonly calibrate?: true;
  readonly teams?: number;
  readonly shape?: string;
  readonly ticks?: number;
  readonly policy?: readonly string[];
  readonly seeds?: number;
  readonly jobs: number;
  readonly sensitivity?: true;
  readonly shard?: Shard;
  readonly json?: true;
}

/** How often progress is shown. */
const PROGRESS_STEPS = 50;

export function simulateCommand(context: CliContext): Command {
  const command = new Command("simulate")
    .summary("try update policies on a model of an organization")
    .description(
      "Simulates teams that train and deploy the components of a pipeline by themselves, in virtual time: with real trainings, compositions, verdicts and gates. Compares policies by the pipeline loss over time and by what they cost. The same scenario and seeds give the same results, whatever the number of jobs. After an interruption, the same command resumes.",
    )
    .argument("[scenario]", "a scenario file (YAML); flags take the place of its keys")
    .option("--teams <n>", "number of teams (default: 200)", integer(2, 10_000))
    .option("--shape <shape>", "chain, diamond, layered, star or random (default: layered; of two teams, chain)")
    .option("--ticks <n>", "length in ticks, the unit of virtual time (default: 52)", integer(1, 100_000))
    .option("--policy <names>", "policies, separated by commas (default: async,async-rejecting,proximal,causal)", list)
    .option("--seeds <n>", "number of seeds (default: 1)", integer(1, 10_000))
    .option("--jobs <n>", "policies and seeds to simulate in parallel", integer(1, 1000), availableCpus())
    .option(
      "--sensitivity",
      "also change one assumption at a time, and show which changes flip the ranking of policies",
    )
    .option(
      "--shard <i/n>",
      "simulate only the share I, from 0, of N, and keep it in --out for uncouple simulate merge",
      shard,
    )
    .option("--out <folder>", "folder for report.html, results.json and CSV files (default: out/simulate)")
    .option("--json", "print the results as JSON; writes files only with --out, and resumes only with it")
    .addCommand(simulateMergeCommand(context))
    .optionsGroup("Options of --calibrate:")
    .option("--calibrate", "write a scenario file like the organization whose verdicts an evaluator has, to --out")
    .option("--pipeline <file>", "the pipeline file (default: that of the stack)");
  return withPeers(command, "evaluator")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple simulate --teams 2 --policy async,async-rejecting,causal --seeds 5\n  uncouple simulate organization.yaml --jobs 4 --sensitivity\n  uncouple simulate --calibrate --out scenario.yaml\n",
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      if (flags.calibrate === true) return calibrate(context, flags, output);
      if (flags.shard !== undefined && flags.sensitivity === true) {
        throw new UncoupleError("invalid-argument", "--sensitivity needs the whole simulation: leave out --shard");
      }
      // Loaded lazily: tfjs loads slowly, and other subcommands do not need it.
      const [
        { readScenario },
        { scenarioOfFlags },
        { runSimulation },
        { partsOf, shareOf },
        { openPartStore },
        { simulationResults },
        { changedAssumptions },
        { sensitivityRow },
        { createEngine },
        { packageInfo },
        { showSimulation },
      ] = await Promise.all([
        import("../connect/scenario.ts"),
        import("../../simulator/scenario/scenario-file.ts"),
        import("../../simulator/jobs/run-simulation.ts"),
        import("../../simulator/jobs/shard.ts"),
        import("../../simulator/jobs/part-store.ts"),
        import("../../simulator/measures/simulation-results.ts"),
        import("../../simulator/sensitivity/assumptions.ts"),
        import("../../simulator/sensitivity/sensitivity.ts"),
        import("../../engine/create-engine.ts"),
        import("../../runtime/package-info.ts"),
        import("../files/show-simulation.ts"),
      ]);
      const keys = keysOf(flags);
      const scenario =
        file === undefined
          ? scenarioOfFlags({ scenario: "flags", ...keys })
          : await readScenario(file, context.cwd, keys);
      const folder =
        flags.json === true && flags.out === undefined && flags.shard === undefined
          ? undefined
          : resolve(context.cwd, flags.out ?? join("out", "simulate"));
      const { version } = packageInfo();
      // Created first, so that a failure costs no work.
      const store = folder === undefined ? undefined : await openPartStore(folder, { version, scenario });
      const parts = flags.shard === undefined ? partsOf(scenario) : shareOf(partsOf(scenario), flags.shard);
      const { clock } = context;
      const engine = await createEngine("wasm", { clock, log: () => {} });
      const began = clock.elapsed();
      const progress = await createCountProgress(context.stderr, "ticks", clock);
      const changes = flags.sensitivity === true ? changedAssumptions(scenario) : [];
      let shown = -1;
      /** @param at how many scenarios have been simulated */
      const progressAt = (at: number) => (done: number, total: number) => {
        const step = Math.floor(PROGRESS_STEPS * (at + done / total));
        if (step > shown) progress.update(at * total + done, (1 + changes.length) * total);
        shown = step;
      };
      const common = { jobs: flags.jobs, engine, signal: context.interrupted };
      let runs: readonly PolicyRun[];
      const changed: SimulationResults[] = [];
      try {
        const kept = store !== undefined && { store };
        runs = await runSimulation({ ...common, scenario, parts, ...kept, onProgress: progressAt(0) });
        for (const { scenario: other } of changes) {
          const onProgress = progressAt(1 + changed.length);
          const ofOther = await runSimulation({ ...common, scenario: other, parts: partsOf(other), onProgress });
          changed.push(simulationResults(other, ofOther, secondsSince(clock, began)));
        }
      } catch (thrown) {
        if (store !== undefined && context.interrupted.aborted) {
          progress.stop();
          output.note("Finished parts are kept; the same command resumes.");
        }
        throw thrown;
      } finally {
        progress.stop();
      }
      const seconds = secondsSince(clock, began);
      if (flags.shard !== undefined) {
        output.result({ parts, seconds }, () => `${parts.length} of ${partsOf(scenario).length} parts: ${folder}`);
        return;
      }
      const results = simulationResults(scenario, runs, seconds);
      const rows = changes.map((change, at) => sensitivityRow(results, change, changed[at] as SimulationResults));
      const sensitivity = changes.length > 0 && { sensitivity: rows };
      const versions = `uncouple ${version}, engine ${engine.name}, ${formatSeconds(seconds)}.`;
      await showSimulation({ output, folder, outcome: { results, runs, ...sensitivity }, versions });
      await store?.clear();
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

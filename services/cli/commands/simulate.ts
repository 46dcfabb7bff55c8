import { Command, InvalidArgumentError } from "commander";
import { availableCpus } from "../../common/available-cpus.ts";
import { UncoupleError } from "../../common/errors.ts";
import { withPeers } from "../connect/connections.ts";
import type { CliContext } from "../context/context.ts";
import { integer } from "../flags/integer.ts";
import { withNatsFlags } from "../flags/nats-flags.ts";
import { parseCount, parseDuration } from "../flags/reference.ts";
import { shard } from "../flags/shard.ts";
import { createOutput } from "../terminal/output.ts";
import { type CalibrateFlags, calibrate } from "./simulate-calibrate.ts";
import { simulateMergeCommand } from "./simulate-merge.ts";
import type { SimulateFlags } from "./simulate-run.ts";

interface Flags extends SimulateFlags, CalibrateFlags {
  readonly out?: string;
  readonly calibrate?: true;
}

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
    .option(
      "--out <folder>",
      "folder for report.html, results.json and CSV files (default: out/simulate); of a shard also a bucket, nats://HOST:PORT/BUCKET",
    )
    .option("--json", "print the results as JSON; writes files only with --out, and resumes only with it")
    .addCommand(simulateMergeCommand(context))
    .optionsGroup("Options of --out nats://HOST:PORT/BUCKET:");
  withNatsFlags(command)
    .optionsGroup("Options of --live:")
    .option(
      "--live",
      "run real services on this machine, ask them for what the teams wish, and write live.html and live.json to --out",
    )
    .option(
      "--for <duration>",
      "time that the scenario's ticks take; with --tick, the scenario is cut or goes on",
      positiveDuration,
    )
    .option("--tick <duration>", "time of a tick (default: that of --for by the ticks, else 10s)", positiveDuration)
    .option("--processes <n>", "trainer processes (default: one for each team, at most 8)", parseCount)
    .optionsGroup("Options of --calibrate:")
    .option("--calibrate", "write a scenario file like the organization whose verdicts an evaluator has, to --out")
    .option("--pipeline <file>", "the pipeline file (default: that of the stack)");
  return withPeers(command, "evaluator")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple simulate --teams 2 --policy async,async-rejecting,causal --seeds 5\n  uncouple simulate organization.yaml --jobs 4 --sensitivity\n  uncouple simulate --teams 100 --policy async --live --for 10m\n  uncouple simulate --calibrate --out scenario.yaml\n",
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const output = createOutput(context, flags.json === true);
      checkModes(flags, command);
      if (flags.calibrate === true) return calibrate(context, flags, output);
      // Loaded lazily: tfjs loads slowly, and other subcommands do not need it.
      const { simulate } = await import("./simulate-run.ts");
      await simulate(context, file, flags, output);
    });
}

/** Flags that belong to one way to simulate: `--live`, or virtual time. */
const LIVE_ONLY = ["for", "tick", "processes"] as const;
const VIRTUAL_ONLY = ["sensitivity", "shard", "jobs", "calibrate"] as const;

/** @throws UncoupleError `invalid-argument` for flags that do not go together */
function checkModes(flags: Flags, command: Command): void {
  const given = (name: keyof Flags) => command.getOptionValueSource(name) === "cli";
  const foreign = (flags.live === true ? VIRTUAL_ONLY : LIVE_ONLY).find(given);
  if (foreign === undefined) return;
  const rule = flags.live === true ? "cannot be used with --live" : "needs --live";
  throw new UncoupleError("invalid-argument", `--${foreign} ${rule}`);
}

/** A duration above 0. @returns seconds */
function positiveDuration(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === 0) throw new InvalidArgumentError("Expected more than 0.");
  return parsed;
}

function list(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("Expected names separated by commas.");
  return names;
}

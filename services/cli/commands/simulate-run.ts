import { resolve } from "node:path";
import { secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { createEngine } from "../../engine/create-engine.ts";
import { formatSeconds } from "../../report/numbers.ts";
import { packageInfo } from "../../runtime/package-info.ts";
import { clearPartFolder, partFolder } from "../../simulator/jobs/part-folder.ts";
import type { PartPlace } from "../../simulator/jobs/part-place.ts";
import { openPartStore } from "../../simulator/jobs/part-store.ts";
import { runSimulation } from "../../simulator/jobs/run-simulation.ts";
import { partsOf, type Shard, shareOf } from "../../simulator/jobs/shard.ts";
import { simulationResults } from "../../simulator/measures/simulation-results.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import { scenarioOfFlags } from "../../simulator/scenario/scenario-file.ts";
import { changedAssumptions } from "../../simulator/sensitivity/assumptions.ts";
import { type SensitivityRow, sensitivityRow } from "../../simulator/sensitivity/sensitivity.ts";
import { isBucket, RESULTS, withPartPlaces } from "../connect/part-places.ts";
import { readScenario } from "../connect/scenario.ts";
import type { CliContext } from "../context/context.ts";
import { showSimulation } from "../files/show-simulation.ts";
import type { NatsFlags } from "../flags/nats-flags.ts";
import { createCountProgress } from "../terminal/count-progress.ts";
import type { Output } from "../terminal/output.ts";
import { type LiveFlags, simulateLive } from "./simulate-live.ts";

export interface SimulateFlags extends NatsFlags, LiveFlags {
  readonly teams?: number;
  readonly shape?: string;
  readonly ticks?: number;
  readonly policy?: readonly string[];
  readonly seeds?: number;
  readonly jobs: number;
  readonly sensitivity?: true;
  readonly shard?: Shard;
  readonly out?: string;
  readonly json?: true;
}

/** How often progress is shown. */
const PROGRESS_STEPS = 50;

/**
 * Simulates a scenario, or the share of a shard, or drives real services with it.
 *
 * @param file the scenario file; undefined: flags have all that differs from the defaults
 * @throws UncoupleError `invalid-argument` for flags that exclude each other; as `readScenario`, `openPartStore` and
 *   `runSimulation`
 */
export async function simulate(
  context: CliContext,
  file: string | undefined,
  flags: SimulateFlags,
  output: Output,
): Promise<void> {
  const { shard } = flags;
  if (shard !== undefined && flags.sensitivity === true) {
    throw new UncoupleError("invalid-argument", "--sensitivity needs the whole simulation: leave out --shard");
  }
  if (shard === undefined && flags.out !== undefined && isBucket(flags.out)) {
    throw new UncoupleError("invalid-argument", "a bucket takes the parts of shards; add --shard I/N");
  }
  const keys = keysOf(flags);
  const scenario =
    file === undefined ? scenarioOfFlags({ scenario: "flags", ...keys }) : await readScenario(file, context.cwd, keys);
  if (flags.live === true) return simulateLive(context, flags, scenario, output);
  if (shard === undefined) return simulateAll(context, scenario, flags, output);
  await withPartPlaces(context, flags, [flags.out ?? RESULTS], { create: true }, ([place]) =>
    simulateShard(context, scenario, shard, place as PartPlace, flags, output),
  );
}

async function simulateShard(
  context: CliContext,
  scenario: Scenario,
  shard: Shard,
  place: PartPlace,
  { jobs }: SimulateFlags,
  output: Output,
): Promise<void> {
  const { clock } = context;
  // Opened first, so that a failure costs no work.
  const { version } = packageInfo();
  const store = await openPartStore(place, { version, scenario, shards: shard.count });
  const parts = shareOf(partsOf(scenario), shard);
  const engine = await createEngine("wasm", { clock, log: () => {} });
  const began = clock.elapsed();
  await withProgress(context, output, true, async (onProgress) => {
    const signal = context.interrupted;
    await runSimulation({ jobs, engine, signal, scenario, parts, store, onProgress });
  });
  const seconds = secondsSince(clock, began);
  output.result({ parts, seconds }, () => `${parts.length} of ${partsOf(scenario).length} parts: ${place.path}`);
}

async function simulateAll(
  context: CliContext,
  scenario: Scenario,
  { out, json, jobs, sensitivity }: SimulateFlags,
  output: Output,
): Promise<void> {
  const { clock } = context;
  const folder = json === true && out === undefined ? undefined : resolve(context.cwd, out ?? RESULTS);
  const { version } = packageInfo();
  /** @param within as in `partFolder`; undefined without a folder */
  const storeOf = async (of: Scenario, within?: string) =>
    folder !== undefined && { store: await openPartStore(partFolder(folder, within), { version, scenario: of }) };
  // Opened first, so that a failure costs no work.
  const kept = await storeOf(scenario);
  const engine = await createEngine("wasm", { clock, log: () => {} });
  const began = clock.elapsed();
  const common = { jobs, engine, signal: context.interrupted };
  const changes = sensitivity === true ? changedAssumptions(scenario) : [];
  const found = await withProgress(context, output, folder !== undefined, async (onProgress) => {
    /** @param at how many scenarios have been simulated */
    const progressAt = (at: number) => (done: number, total: number) =>
      onProgress(at * total + done, (1 + changes.length) * total);
    const runs = await runSimulation({ ...common, scenario, ...kept, onProgress: progressAt(0) });
    const results = simulationResults(scenario, runs, secondsSince(clock, began));
    const rows: SensitivityRow[] = [];
    for (const change of changes) {
      const at = 1 + rows.length;
      const ofChange = await storeOf(change.scenario, `sensitivity-${at}`);
      const other = await runSimulation({
        ...common,
        scenario: change.scenario,
        ...ofChange,
        onProgress: progressAt(at),
      });
      rows.push(sensitivityRow(results, change, simulationResults(change.scenario, other, 0)));
    }
    return { runs, results, ...(changes.length > 0 && { sensitivity: rows }) };
  });
  const seconds = secondsSince(clock, began);
  const outcome = { ...found, results: { ...found.results, seconds } };
  const versions = `uncouple ${version}, engine ${engine.name}, ${formatSeconds(seconds)}.`;
  await showSimulation({ output, folder, outcome, versions });
  if (folder !== undefined) await clearPartFolder(folder);
}

/** Shows the progress of work in ticks, and after Ctrl-C what becomes of it. */
async function withProgress<T>(
  context: CliContext,
  output: Output,
  isKept: boolean,
  work: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const progress = await createCountProgress(context.stderr, "ticks", context.clock);
  let shown = -1;
  try {
    return await work((done, total) => {
      const step = Math.floor((PROGRESS_STEPS * done) / total);
      if (step > shown) progress.update(done, total);
      shown = step;
    });
  } catch (thrown) {
    if (isKept && context.interrupted.aborted) {
      progress.stop();
      output.note("Finished parts are kept; the same command resumes.");
    }
    throw thrown;
  } finally {
    progress.stop();
  }
}

/** The keys of a scenario file that flags set. */
function keysOf({ teams, shape, ticks, policy, seeds }: SimulateFlags) {
  const keys = { teams, edges: shape, ticks, policies: policy, seeds };
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

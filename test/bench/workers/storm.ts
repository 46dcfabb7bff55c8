import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createRandom } from "../../../services/data/random/random.ts";
import { createLocalRunner } from "../../../services/learning/units/local-runner.ts";
import { repeatableTraining } from "../../helpers/unit-training.ts";
import { type Fleet, openFleet } from "../../helpers/worker-fleet.ts";
import { type KeptWorkers, keepWorkers, startStorm } from "../../helpers/worker-storm.ts";
import type { Row } from "./row.ts";

const FAULTS_PER_MINUTE = 30;
const WORKERS = 8;
const SEED = 1;

export interface StormFigures {
  /** Trainings in the storm, and how many of them ended with the right digest. */
  readonly trainings: number;
  readonly right: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Units per second of the same workers, undisturbed and in the storm. */
  readonly calm: number;
  readonly storm: number;
  /** Units in the storm by fate. */
  readonly fates: Readonly<Record<string, number>>;
}

/**
 * Trains again and again with eight workers that are killed, stopped, cut off and slowed down. Half of the undisturbed
 * time that it is compared with lies before the storm, half after it.
 *
 * @param minutes of storm
 */
export async function runStorm(minutes: number): Promise<StormFigures> {
  // Eight units of a worker in a round, of some 0.3 seconds, most of which are the link's.
  const plan = { slots: 8 * WORKERS, syncEvery: 20 };
  const training = await repeatableTraining({ widths: [10, 64, 64, 3], batch: 256, rows: 300, steps: 100, plan });
  const oracle = await training.run(createLocalRunner(systemClock));
  const fleet = await openFleet({}, { cpus: 1 });
  const workers = await keepWorkers(fleet, WORKERS);
  let [trainings, right] = [0, 0];
  const train = async () => {
    trainings++;
    if ((await training.run(fleet.coordinator, { audit: 0.01 })) === oracle) right++;
  };
  try {
    await train();
    const before = await unitsPerSecond(fleet, train, minutes / 4);
    const counted = { ...fleet.coordinator.metrics().counters };
    [trainings, right] = [0, 0];
    const storm = startStorm(workers, FAULTS_PER_MINUTE, createRandom(SEED, "storm"));
    const stormy = await unitsPerSecond(fleet, train, minutes);
    await storm.stop();
    const after = fleet.coordinator.metrics().counters;
    const [stormTrainings, stormRight] = [trainings, right];
    await allBack(fleet, workers);
    const later = await unitsPerSecond(fleet, train, minutes / 4);
    const fates = ["leased", "applied", "duplicate", "stale", "refused", "lost", "returned", "mismatches"] as const;
    return {
      trainings: stormTrainings,
      right: stormRight,
      faults: storm.faults,
      calm: (before + later) / 2,
      storm: stormy,
      fates: Object.fromEntries(fates.map((fate) => [fate, after[fate] - counted[fate]])),
    };
  } finally {
    await workers.stop();
    await fleet.close();
  }
}

export async function storm(minutes: number): Promise<readonly Row[]> {
  const { trainings, right, faults, calm, storm: stormy, fates } = await runStorm(minutes);
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const what = `storm of ${WORKERS} workers, ${FAULTS_PER_MINUTE} faults/min, ${minutes} min`;
  return [
    {
      what: `${what}: same SHA-256`,
      goal: "all",
      measured: `${right} of ${trainings} (${list(faults)}; units: ${list(fates)})`,
      met: right === trainings && trainings > 0,
      values: [right, trainings],
    },
    {
      what: `${what}: units/s of the undisturbed`,
      goal: ">= 80 %",
      measured: `${((100 * stormy) / calm).toFixed(0)} %`,
      met: stormy >= 0.8 * calm,
      values: [calm, stormy],
    },
  ];
}

/** Trains for some minutes. @returns units applied per second */
async function unitsPerSecond(fleet: Fleet, train: () => Promise<void>, minutes: number): Promise<number> {
  const applied = () => fleet.coordinator.metrics().counters.applied;
  const [began, units] = [performance.now(), applied()];
  while (performance.now() - began < 60_000 * minutes) await train();
  return (1000 * (applied() - units)) / (performance.now() - began);
}

/** Waits until every worker has joined again. */
async function allBack(fleet: Fleet, { names }: KeptWorkers): Promise<void> {
  await fleet.present(names.length);
}

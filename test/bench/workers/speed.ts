import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { fitNetworks } from "../../../services/learning/fitting/fit-networks.ts";
import { createLocalRunner } from "../../../services/learning/units/local-runner.ts";
import { runInUnits } from "../../../services/learning/units/run-in-units.ts";
import type { UnitRunner } from "../../../services/learning/units/unit.ts";
import { numbers } from "../../helpers/dense-program.ts";
import { repeatableTraining } from "../../helpers/unit-training.ts";
import { type Fleet, openFleet } from "../../helpers/worker-fleet.ts";
import { atLeastTimes, atMostTimes, type Row } from "./row.ts";

const REPEATS = 6;

/** A remote worker against the same units in this process. */
export async function remoteAgainstLocal(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const fleet = await openFleet();
  fleet.start("w1");
  await fleet.present(1);
  const local = createLocalRunner(systemClock, 1);
  try {
    for (const { widths, syncEvery } of [
      { widths: [10, 64, 64, 3], syncEvery: 800 },
      { widths: [10, 256, 256, 3], syncEvery: 50 },
    ]) {
      const training = await repeatableTraining({
        widths,
        batch: 256,
        steps: 4 * syncEvery,
        plan: { slots: 4, syncEvery },
      });
      const run = async (runner: UnitRunner) => seconds(() => training.run(runner));
      await run(fleet.coordinator);
      const [alone, remote] = await interleaved(
        () => run(local),
        () => run(fleet.coordinator),
      );
      const unitMs = (1000 * Math.min(...alone)) / training.units;
      rows.push(
        atMostTimes(
          `one remote worker, ${widths.join("-")}, units of ${unitMs.toFixed(0)} ms: wall time`,
          1.1,
          remote,
          alone,
        ),
      );
    }
    return rows;
  } finally {
    await fleet.close();
  }
}

/** Two single-threaded workers against one. */
export async function twoAgainstOne(): Promise<readonly Row[]> {
  return withTwoFleets(async (one, two) => {
    const syncEvery = 50;
    const training = await repeatableTraining({
      widths: [10, 256, 256, 3],
      batch: 256,
      steps: 4 * syncEvery,
      plan: { slots: 4, syncEvery },
    });
    const run = ({ coordinator }: Fleet) => seconds(() => training.run(coordinator));
    await run(two);
    await run(one);
    const [alone, both] = await interleaved(
      () => run(one),
      () => run(two),
    );
    const what = "two single-threaded workers, 10-256-256-3, batch 256: units/s of one";
    return [atLeastTimes(what, 1.6, alone, both)];
  });
}

/** Eight networks that are fitted together. */
export async function ensemble(): Promise<readonly Row[]> {
  return withTwoFleets(async (one, two) => {
    const rows = 4_000;
    const fit = {
      inputs: { rows, width: 10, values: numbers(rows * 10, 1) },
      target: { rows, width: 1, values: numbers(rows, 2) },
      kind: "regression" as const,
      members: Array.from({ length: 8 }, (_, index) => ({
        weightDecay: 1e-4,
        learns: (row: number) => row % 8 !== index,
      })),
      steps: 10_000,
    };
    const engine = createWasmEngine({ clock: systemClock });
    const rule = { numerics: "exact", fallback: "local", audit: 0 } as const;
    const run = ({ coordinator }: Fleet) =>
      seconds(() =>
        fitNetworks(fit, {
          engine,
          seed: 7,
          // One unit each, as in a trainer.
          train: (training) => runInUnits(training, { slots: 1, syncEvery: training.steps }, coordinator, rule),
        }),
      );
    await run(two);
    await run(one);
    const [alone, both] = await interleaved(
      () => run(one),
      () => run(two),
    );
    return [atLeastTimes("two workers, an ensemble of 8 fits: speed of one", 1.7, alone, both)];
  });
}

async function withTwoFleets(measure: (one: Fleet, two: Fleet) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const [one, two] = [await openFleet(), await openFleet()];
  try {
    one.start("w1");
    two.start("w1");
    two.start("w2");
    await one.present(1);
    await two.present(2);
    return await measure(one, two);
  } finally {
    await one.close();
    await two.close();
  }
}

/** Runs both in turn, again and again, so that other load hits them alike. @returns seconds of each */
async function interleaved(
  one: () => Promise<number>,
  other: () => Promise<number>,
): Promise<readonly [readonly number[], readonly number[]]> {
  const [ones, others]: [number[], number[]] = [[], []];
  for (let i = 0; i < REPEATS; i++) {
    ones.push(await one());
    others.push(await other());
  }
  return [ones, others];
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

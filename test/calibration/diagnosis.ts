/**
 * How often the intervals of `uncouple diagnose` hold the truth, which cause it names and what outcome, on updates with
 * known parts: prints the table of docs/science.md. Run with `npm run calibrate:diagnosis`; takes about ten minutes.
 * Measures every data set once, on many held-out rows and with nine seeds; a trial is a diagnosis of a part of them.
 */

import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { mean } from "../../services/common/statistics.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import {
  KNOWN_UPDATES,
  type KnownTruth,
  type KnownUpdateName,
  knownUpdate,
} from "../../services/experiments/beyond/known-updates.ts";
import {
  type Decomposition,
  DIAGNOSIS_PARTS,
  decompose,
  type LearningCurves,
  type MeasuredUpdate,
} from "../../services/learning/diagnosis/decompose.ts";
import { measureUpdate, type UpdateToDiagnose } from "../../services/learning/diagnosis/diagnose-update.ts";
import { readUpstream } from "../../services/learning/diagnosis/learning-curves.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../../services/pipeline/dag.ts";
import { visibleColumns } from "../../services/pipeline/visible-columns.ts";

const { values: options } = parseArgs({
  options: {
    sets: { type: "string", default: "10" },
    updates: { type: "string", default: KNOWN_UPDATES.join(",") },
  },
});
const SETS = Number(options.sets);
const SEEDS = 9;
/** Held-out rows of a trial. */
const ROWS = 3000;
/** Held-out rows in all, which tell the true estimation error of the trained models. */
const HELD_OUT = 20_000;
const TRAINING: Readonly<Record<KnownUpdateName, number>> = {
  "near-far": 1000,
  cube: 1000,
  "few-rows": 300,
  coupled: 1000,
};
const COLUMNS = [...DIAGNOSIS_PARTS, "change"] as const;

interface Trial {
  readonly diagnosis: Decomposition;
  readonly truth: Readonly<Record<(typeof COLUMNS)[number], number>>;
  readonly outcome: KnownTruth["outcome"];
}

interface Known {
  readonly measured: MeasuredUpdate;
  /** Losses of the best models of the class, which have no estimation error: [row]. */
  readonly best: { readonly before: Float64Array; readonly after: Float64Array };
  readonly truth: KnownTruth;
}

/** The diagnosis with `seeds` of the seeds, the trial's own ones, on rows of its own. */
function trialOf({ measured, best, truth: known }: Known, trial: number, seeds: number): Trial {
  const isOwn = (seed: number) => Math.floor(seed / seeds) === trial;
  const cut = (losses: Float64Array) => losses.subarray(trial * ROWS, (trial + 1) * ROWS);
  const own = (curve: LearningCurves["retrained"]) =>
    curve.filter((_, seed) => isOwn(seed)).map((sizes) => sizes.map(cut));
  const { before, after, asItIs } = measured;
  const diagnosis = decompose({
    before: { retrained: own(before.retrained), flexible: own(before.flexible) },
    after: { retrained: own(after.retrained), flexible: own(after.flexible) },
    ...(asItIs !== undefined && { asItIs: { before: cut(asItIs.before), after: cut(asItIs.after) } }),
    minimumEffect: 0,
  });
  // The limits are known exactly. What models trained on this data set lose beyond the best of their class is measured, row
  // by row, with the other seeds if there are any.
  const excess = ({ retrained }: LearningCurves, least: Float64Array) => {
    const others = retrained.filter((_, seed) => !isOwn(seed));
    return (
      mean((others.length > 0 ? others : retrained).map((sizes) => mean(sizes.at(-1) as Float64Array))) - mean(least)
    );
  };
  const estimation = excess(after, best.after) - excess(before, best.before);
  const { upstream, approximation, outcome } = known;
  const change = upstream + approximation + estimation;
  return { diagnosis, outcome, truth: { upstream, approximation, estimation, change } };
}

async function bestLosses({ pipeline, source, before, after, inUse }: UpdateToDiagnose, best: SnapshotModel) {
  const m2 = componentNamed(pipeline, "m2");
  const { table } = await source.heldOutRows(visibleColumns(pipeline, "m2"));
  const old = await readUpstream(pipeline, m2, before, table);
  const latest = await readUpstream(pipeline, m2, { m1: after }, table);
  return { before: await old.losses(inUse as SnapshotModel), after: await latest.losses(best) };
}

function line(name: string, seeds: number, trials: readonly Trial[]): string {
  const percent = (holds: (trial: Trial) => boolean) =>
    ((100 * trials.filter(holds).length) / trials.length).toFixed(0);
  const estimateOf = ({ diagnosis }: Trial, column: (typeof COLUMNS)[number]) =>
    column === "change" ? diagnosis.change : diagnosis.parts[column];
  const covered = COLUMNS.map((column) =>
    percent((trial) => {
      const [low, high] = estimateOf(trial, column).interval;
      return low <= trial.truth[column] && trial.truth[column] <= high;
    }),
  );
  const off = COLUMNS.map((column) =>
    (
      (100 * mean(trials.map((trial) => estimateOf(trial, column).value - trial.truth[column]))) /
      Math.abs(mean(trials.map(({ truth }) => truth.change)))
    ).toFixed(1),
  );
  const named = [...DIAGNOSIS_PARTS, null].map((cause) => percent(({ diagnosis }) => diagnosis.cause === cause));
  const isRight = ({ diagnosis, outcome }: Trial) => diagnosis.retraining?.outcome === outcome;
  const isUndecided = ({ diagnosis }: Trial) => diagnosis.retraining?.outcome === "undecided";
  const outcomes = [isRight, isUndecided, (trial: Trial) => !isRight(trial) && !isUndecided(trial)].map(percent);
  return `| ${[name, seeds, trials.length, ...[covered, off, named, outcomes].map((cells) => cells.join(" / "))].join(" | ")} |`;
}

const parts = "upstream / approximation / estimation";
console.log(
  `| update | seeds | trials | interval holds the truth, %: ${parts} / total | mean error, % of the change: ${parts} / total | named, %: ${parts} / none | outcome, %: right / undecided / wrong |`,
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
const engine = createWasmEngine({ clock: systemClock });
for (const name of options.updates.split(",") as KnownUpdateName[]) {
  const few: Trial[] = [];
  const many: Trial[] = [];
  for (let set = 1; set <= SETS; set++) {
    const sizes = { seed: 1000 * set, rows: TRAINING[name], heldOut: HELD_OUT, steps: 800, seeds: SEEDS };
    const { update, truth, best } = knownUpdate(name, { ...sizes, engine });
    const { measured } = await measureUpdate(update);
    const known = { measured, truth, best: await bestLosses(update, best) };
    for (let trial = 0; trial < 3; trial++) few.push(trialOf(known, trial, 3));
    many.push(trialOf(known, 0, SEEDS));
  }
  console.log(line(name, 3, few));
  console.log(line(name, SEEDS, many));
}

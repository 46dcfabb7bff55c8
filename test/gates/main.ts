/**
 * How often a gate is wrong, and how often it is right: `npm run test:gates` prints tables, and exits with 1 if a bound is
 * exceeded. `-- --only seeds` (or neutral, planted, creep, tails) runs one of them.
 */
import { mean } from "../../services/common/statistics.ts";
import { createRandom } from "../../services/data/random/random.ts";
import { DRIFT_RELEASES, GATE_ALPHA, type GatePolicy } from "../../services/pipeline/gate.ts";
import { exactShareInterval } from "../../services/verdicts/paired/exact-share.ts";
import {
  creepingUpdates,
  ENFORCE,
  mapParts,
  NON_INFERIOR,
  neutralPromotions,
  type Parts,
  runPlanted,
} from "../helpers/gates/planted-updates.ts";
import { drawParts, seedPromotions } from "../helpers/gates/seed-promotions.ts";
import { type SeedSnapshots, trainSeedSnapshots } from "../helpers/gates/seed-snapshots.ts";
import { confirmedNoise } from "../helpers/gates/tails.ts";
import { ROW_KINDS } from "../helpers/loss-rows.ts";

/** Of each of the two components; the first of each is released, so that 200 arrive. */
const SNAPSHOTS = 101;
const SEED_DRAWS = 100;
const NEUTRAL_RUNS = 1_000;
const PLANTED_DRAWS = 200;
const TAIL_TRIALS = 20_000;

const only = process.argv[process.argv.indexOf("--only") + 1];
const wants = (name: string) => !process.argv.includes("--only") || only === name;
const problems: string[] = [];
const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
/** The end of the exact one-sided 95 % interval. */
const upperBound = (count: number, trials: number) => exactShareInterval(count, trials, 0.9)[1];
const started = Date.now();
const log = (text: string) => console.log(text);

log(`Training 2 x ${SNAPSHOTS} networks that differ by seed ...`);
const snapshots = await trainSeedSnapshots(wants("seeds") || wants("neutral") ? SNAPSHOTS : 21);
log(`${Math.round((Date.now() - started) / 1000)} s`);

if (wants("seeds")) await seeds();
if (wants("neutral")) await neutral();
if (wants("planted")) await planted();
if (wants("creep")) await creep();
if (wants("tails")) await tails();

log(`\n${Math.round((Date.now() - started) / 1000)} s in all`);
for (const problem of problems) log(`FAILED: ${problem}`);
if (problems.length > 0) process.exitCode = 1;

async function seeds(): Promise<void> {
  log(
    `\n(i) 200 snapshots that differ by seed, ${SEED_DRAWS} draws of 10,000 held-out rows, horizon 200. False: worse by more than the margin on 1,000,000 other rows.\n`,
  );
  log(
    "| gate | promotions | of them false | worse at all | pipelines with a false one | upper 95 % bound | questions |",
  );
  log("| --- | --- | --- | --- | --- | --- | --- |");
  const found = [ENFORCE, NON_INFERIOR].map((gate) => ({ gate, changes: [] as number[], wrong: 0, questions: 0 }));
  for (let draw = 0; draw < SEED_DRAWS; draw++) {
    const drawn = drawParts(snapshots, draw);
    for (const of of found) {
      const run = await seedPromotions(snapshots, of.gate, drawn, draw);
      const isFalse = run.promotions.some(({ change }) => change > of.gate.margin);
      of.changes.push(...run.promotions.map(({ change }) => change));
      of.questions += run.questions;
      if (isFalse) of.wrong += 1;
    }
  }
  for (const { gate, changes, wrong, questions } of found) {
    const cells = [
      `${gate.require}, margin ${percent(gate.margin)}`,
      `${(changes.length / SEED_DRAWS).toFixed(1)} a pipeline`,
      changes.filter((change) => change > gate.margin).length,
      changes.filter((change) => change > 0).length,
      `${wrong} of ${SEED_DRAWS}`,
      percent(upperBound(wrong, SEED_DRAWS)),
      `${(questions / SEED_DRAWS).toFixed(0)} a pipeline`,
    ];
    log(`| ${cells.join(" | ")} |`);
    if (wrong / SEED_DRAWS > GATE_ALPHA) {
      problems.push(`(i) ${gate.require}: ${percent(wrong / SEED_DRAWS)} of pipelines`);
    }
  }
}

async function neutral(): Promise<void> {
  log(
    `\n(ii) 200 exactly neutral updates, ${NEUTRAL_RUNS} times: differences of real snapshots with random signs, 4,000 held-out rows, horizon 200. Every promotion is false.\n`,
  );
  log("| gate | pipelines with a promotion | share | upper 95 % bound | questions |");
  log("| --- | --- | --- | --- | --- |");
  const first = await partsOf(snapshots, { m1: 1, m2: 1 }, 4_000, "neutral");
  const updates: Parts[] = [];
  for (let serial = 2; serial <= SNAPSHOTS; serial++) {
    for (const composition of [
      { m1: serial, m2: 1 },
      { m1: 1, m2: serial },
    ]) {
      updates.push(difference(await partsOf(snapshots, composition, 4_000, "neutral"), first));
    }
  }
  let [wrong, questions] = [0, 0];
  for (let run = 0; run < NEUTRAL_RUNS; run++) {
    const { promotions, questions: asked } = await neutralPromotions(ENFORCE, first, updates, run);
    if (promotions.length > 0) wrong += 1;
    questions += asked;
  }
  const share = wrong / NEUTRAL_RUNS;
  log(
    `| improved | ${wrong} of ${NEUTRAL_RUNS} | ${percent(share)} | ${percent(upperBound(wrong, NEUTRAL_RUNS))} | ${(questions / NEUTRAL_RUNS).toFixed(0)} a pipeline |`,
  );
  if (share > GATE_ALPHA) problems.push(`(ii) ${percent(share)} of pipelines`);
}

async function planted(): Promise<void> {
  log(
    `\n(iii) An update whose true loss is exactly 5 % lower, ${PLANTED_DRAWS} draws of rows. Differences: of snapshots of other seeds, or a quarter of that, as of an update trained from the snapshot before.\n`,
  );
  log("| held-out rows | differences | s.d. of a row / loss | promoted |");
  log("| --- | --- | --- | --- |");
  for (const [rows, scale] of [
    [4_000, 0.25],
    [10_000, 0.25],
    [10_000, 1],
    [50_000, 1],
  ] as const) {
    const { share, deviation } = await plantedShare(rows, scale, ENFORCE);
    const what = scale === 1 ? "other seeds" : "a quarter";
    log(`| ${rows.toLocaleString("en-US")} | ${what} | ${deviation.toFixed(2)} | ${percent(share)} |`);
    if (rows === 50_000 && share < 0.8) problems.push(`(iii) ${percent(share)} promoted`);
    if (rows === 10_000 && scale < 1 && share < 0.8) problems.push(`(iii) a quarter: ${percent(share)} promoted`);
  }
}

/** Row losses 0.95 R, of which the update has the true mean, with real differences around it. */
async function plantedShare(rows: number, scale: number, gate: GatePolicy) {
  let promoted = 0;
  const deviations: number[] = [];
  for (let draw = 0; draw < PLANTED_DRAWS; draw++) {
    const serial = 2 + createRandom(draw, "pair").below(20);
    const [release, other] = [
      { m1: 1, m2: 1 },
      { m1: 1, m2: serial },
    ];
    const trueRelease = await snapshots.trueLoss(release);
    const ratio = trueRelease / (await snapshots.trueLoss(other));
    const first = await partsOf(snapshots, release, rows, `planted/${draw}`);
    const second = await partsOf(snapshots, other, rows, `planted/${draw}`);
    // (1 - scale) r + scale (ratio x o) has the true mean of r, and 0.95 of it is 5 % better.
    const update = (part: "screen" | "confirm") =>
      first[part].map((loss, row) => 0.95 * ((1 - scale) * loss + scale * ratio * (second[part][row] as number)));
    const parts = { screen: update("screen"), confirm: update("confirm") };
    const { promotions } = await runPlanted(gate, first, 1, () => parts);
    promoted += promotions.length;
    const { screen } = difference(parts, first);
    const center = mean(screen);
    deviations.push(Math.sqrt(mean(screen.map((value) => (value - center) ** 2))) / trueRelease);
  }
  return { share: promoted / PLANTED_DRAWS, deviation: mean(deviations) };
}

async function creep(): Promise<void> {
  log(
    "\n(iv) 50 updates that are each worse by a part of the margin of 1 %, `non-inferior`, 20 draws of 10,000 held-out rows.\n",
  );
  log("| each | last releases that count | promoted | true rise of the loss |");
  log("| --- | --- | --- | --- |");
  for (const [step, recent] of [
    [0.009, undefined],
    [0.009, 1],
    [0.003, undefined],
    [0.0005, undefined],
  ] as const) {
    const counts: number[] = [];
    for (let draw = 0; draw < 20; draw++) {
      const first = await partsOf(snapshots, { m1: 1, m2: 1 }, 10_000, `creep/${draw}`);
      // So little noise that the confirm rows can tell 0.9 % from 1 %.
      const noise = mapParts(first, (losses) => losses.map((loss) => 0.002 * loss));
      const run = await creepingUpdates(first, { step, count: 50, noise, ...(recent !== undefined && { recent }) });
      counts.push(run.promotions.length);
    }
    const most = Math.max(...counts);
    const rise = percent((1 + step) ** most - 1);
    log(`| ${percent(step, 2)} | ${recent ?? DRIFT_RELEASES} | ${Math.min(...counts)} to ${most} | at most ${rise} |`);
    // Steps slower than one margin in so many releases do get through.
    const isBounded = recent === undefined && DRIFT_RELEASES * step > NON_INFERIOR.margin;
    if (isBounded && (1 + step) ** most - 1 > NON_INFERIOR.margin) problems.push(`(iv) the loss rose by ${rise}`);
  }
}

async function tails(): Promise<void> {
  log(
    `\n(v) One confirm question about an update that is noise, horizon 200, 1,000 confirm rows, ${TAIL_TRIALS.toLocaleString("en-US")} trials. Confirmed, of 10,000 (nominal 1.25; 200 such questions of which half are asked: x 0.01 is the chance of any):\n`,
  );
  log("| rows | confirmed | with the floor of verdicts | too few rows |");
  log("| --- | --- | --- | --- |");
  for (const kind of ROW_KINDS.filter(({ name }) => !name.startsWith("crossed"))) {
    const found = await confirmedNoise(kind, 1_000, TAIL_TRIALS, 200);
    const tenThousandths = (share: number) => (10_000 * share).toFixed(1);
    log(
      `| ${kind.name} | ${tenThousandths(found.confirmed)} | ${tenThousandths(found.byVerdictFloor)} | ${percent(found.tooFew)} |`,
    );
  }
}

async function partsOf(
  of: SeedSnapshots,
  composition: Record<string, number>,
  rows: number,
  draw: string,
): Promise<Parts> {
  const [screen, confirm] = ENFORCE.split;
  return {
    screen: await of.drawRows(rows * screen, `screen/${draw}`).losses(composition),
    confirm: await of.drawRows(rows * confirm, `confirm/${draw}`).losses(composition),
  };
}

function difference(a: Parts, b: Parts): Parts {
  const minus = (part: "screen" | "confirm") => a[part].map((loss, row) => loss - (b[part][row] as number));
  return { screen: minus("screen"), confirm: minus("confirm") };
}

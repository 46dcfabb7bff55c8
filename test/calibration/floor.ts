/**
 * How the floor of `services/verdicts/paired/floor.ts` was found: simulates rows whose true difference is 0 and counts
 * false verdicts of the bootstrap-t interval, first by the number of independent units, then by the factor of the rule
 * units >= factor * skewness^2. Run with `npm run calibrate:floor`; takes about two minutes.
 */
import { UNITS_PER_SQUARED_SKEWNESS } from "../../services/verdicts/paired/floor.ts";
import { pairedInterval, samplePaired } from "../../services/verdicts/paired/paired-interval.ts";
import { drawRows, type RowKind, rowKind } from "../helpers/loss-rows.ts";

const LEVEL = 0.95;
const FACTORS = [0, 5, 10, 15, 20, 30];

interface Trial {
  readonly units: number;
  readonly skewness: number;
  /** The wrong verdict that the interval alone would give. */
  readonly wrong: "improved" | "degraded" | undefined;
}

async function simulate(kind: RowKind, rows: number, trials: number): Promise<readonly Trial[]> {
  const done: Trial[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const { differences, groupings } = drawRows(kind, rows, trial);
    const sample = await samplePaired(differences, groupings, trial);
    if (sample === undefined) continue;
    const [low, high] = await pairedInterval(sample, LEVEL);
    const wrong = high < 0 ? "improved" : low > 0 ? "degraded" : undefined;
    done.push({ units: sample.units, skewness: sample.skewness.curvature, wrong });
  }
  return done;
}

const percent = (count: number, of: number) => ((100 * count) / of).toFixed(1).padStart(5);
const wrongs = (trials: readonly Trial[], kind: Trial["wrong"]) => trials.filter(({ wrong }) => wrong === kind).length;

console.log("False improved + false degraded in % of all trials (nominal 2.5 + 2.5), without a floor:\n");
for (const name of [
  "independent, normal",
  "squared errors",
  "skewed: exponential",
  "heavy tail: Student t, 3 degrees",
]) {
  const cells: string[] = [];
  for (const rows of [10, 20, 30, 50, 70, 100]) {
    const trials = await simulate(rowKind(name), rows, 2000);
    const shares = (["improved", "degraded"] as const).map((kind) => percent(wrongs(trials, kind), trials.length));
    cells.push(`${rows} rows ${shares.join(" +")}`);
  }
  console.log(`${name.padEnd(40)} ${cells.join("   ")}`);
}

console.log(`\nThe same with the rule units >= factor * skewness^2, and (in brackets) the share of too few rows:\n`);
console.log(`${"factor".padStart(47)}${FACTORS.map((factor) => String(factor).padStart(20)).join("")}`);
/** By factor: the largest share of wrong verdicts of each kind, and of both. */
const largest = FACTORS.map(() => [0, 0, 0]);
const KINDS = [
  "skewed: exponential",
  "skewed: log-normal, sigma 1",
  "heavy tail: log-normal, sigma 1.5",
  "rare harm: 2 % of rows 50 times worse",
  "groups of unequal size",
];
for (const name of KINDS) {
  for (const rows of [200, 500, 1000]) {
    const count = rows > 200 ? 1000 : 2000;
    const trials = await simulate(rowKind(name), rows, count);
    const cells = FACTORS.map((factor, i) => {
      const enough = trials.filter(({ units, skewness }) => units >= factor * skewness ** 2);
      const shares = (["improved", "degraded"] as const).map((kind) => wrongs(enough, kind) / count);
      const both = (shares[0] as number) + (shares[1] as number);
      largest[i] = [...shares, both].map((share, at) => Math.max(share, largest[i]?.[at] ?? 0));
      const few = percent(count - enough.length, count).trim();
      return `${shares.map((share) => percent(share, 1)).join(" +")} (${few})`.padStart(20);
    });
    console.log(`${name.padEnd(40)} ${String(rows).padStart(6)}${cells.join("")}`);
  }
}
console.log("\nThe largest of each column, and of both together:\n");
for (const [i, factor] of FACTORS.entries()) {
  const [improved, degraded, both] = (largest[i] as readonly number[]).map((share) => percent(share, 1));
  console.log(`factor ${String(factor).padStart(2)}: ${improved} +${degraded}, together at most${both}`);
}
console.log(
  `\nIn use: ${UNITS_PER_SQUARED_SKEWNESS}. Smaller factors call log-normal rows improved too often; larger ones decide too few samples of 1,000 rows with rare harm.`,
);

/**
 * What the adapter test says of updates whose kind is known: prints the table of docs/statistics.md. Run with
 * `npm run calibrate:adapter`; takes about half a minute.
 */
import { createRandom } from "../../services/data/random/random.ts";
import { type ComparisonSettings, compareLosses } from "../../services/verdicts/paired/compare-losses.ts";
import { testAdapter } from "../../services/verdicts/shift/adapter-test.ts";
import { twoComponents } from "../helpers/linear-pipelines.ts";

/** Standard deviation of the old output's error, and of the noise in y. */
const ERROR = 0.3;

/**
 * The new output for the truth z, of standard deviation 1, and the old output. The component downstream reads the old one
 * as it is: its own y is z with noise.
 */
const updates: Readonly<Record<string, (z: number, old: number, draw: () => number) => number>> = {
  "the same, in other units": (_, old) => 2 * old + 1,
  "trained again, in other units": (z, _, draw) => 2 * (z + ERROR * draw()) + 1,
  "a third more exact, in other units": (z, _, draw) => 2 * (z + 0.2 * draw()) + 1,
  "a third less exact, in other units": (z, _, draw) => 2 * (z + 0.4 * draw()) + 1,
  "something else": (_z, _old, draw) => draw(),
};
const SAMPLES = [
  { rows: 200, trials: 400 },
  { rows: 1000, trials: 200 },
  { rows: 10_000, trials: 50 },
];

async function answerOf(update: (typeof updates)[string], rows: number, seed: number): Promise<string> {
  const random = createRandom(seed, "adapter");
  const draw = () => random.gaussian();
  const z = Float64Array.from({ length: rows }, draw);
  const current = Float32Array.from(z, (value) => value + ERROR * draw());
  const y = Float64Array.from(z, (value) => value + ERROR * draw());
  const candidate = Float32Array.from(z, (value, row) => update(value, current[row] as number, draw));
  const losses = (read: Float32Array) => Float64Array.from(read, (value, row) => (value - (y[row] as number)) ** 2);
  const settings: ComparisonSettings = { groupings: [], level: 0.95, minimumEffect: 0, seed };
  const compare = async (read: Float32Array) => {
    const compared = await compareLosses(losses(current), losses(read), settings);
    return compared && { ...compared, candidateLoss: compared.currentLoss + compared.difference };
  };
  const { adapter, adapterSkipped } = await testAdapter(await compare(candidate), {
    pipeline: twoComponents,
    component: "u",
    current,
    candidate,
    groupings: [],
    compare,
  });
  return adapter?.explains ?? adapterSkipped ?? "";
}

console.log("| update | rows | convention | undecided | content | no harm seen |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const [name, update] of Object.entries(updates)) {
  for (const { rows, trials } of SAMPLES) {
    const answers: string[] = [];
    for (let seed = 0; seed < trials; seed++) answers.push(await answerOf(update, rows, seed));
    const share = (wanted: string) =>
      ((100 * answers.filter((answer) => answer === wanted).length) / trials).toFixed(1);
    const shares = ["convention", "undecided", "content", "no-harm"].map(share);
    console.log(`| ${[name, rows.toLocaleString("en-US"), ...shares].join(" | ")} |`);
  }
}

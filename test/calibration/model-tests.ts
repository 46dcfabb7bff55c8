/**
 * How often tests of models fail models that meet them, and find planted violations: prints the tables of
 * docs/model-tests.md. Fails if a real network that meets its tests fails one, a planted violation of it is missed, or a
 * model at a limit fails more often than promised. Run with `npm run test:model-tests`; takes half a minute of one core.
 */
import { binomialTail } from "../../services/common/binomial.ts";
import { createRandom } from "../../services/data/random/random.ts";
import type { CounterfactualOracle, DenseLayer } from "../../services/data/source/oracle.ts";
import type { NumericColumn } from "../../services/data/table/table.ts";
import { FALSE_ALARMS } from "../../services/learning/model-tests/evidence.ts";
import { runModelTests } from "../../services/learning/model-tests/run-model-tests.ts";
import type { TestSubject } from "../../services/learning/model-tests/subject.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import type { ModelTest } from "../../services/pipeline/model-test.ts";
import { denseBytes } from "../helpers/dense-snapshots.ts";
import { component } from "../helpers/linear-pipelines.ts";
import { type PlantedRow, plantedTable, predictorOf, subjectOf } from "../helpers/test-subjects.ts";

const SEEDS = 50;
const SAMPLES = 2000;
const HIDDEN = 16;
const failures: string[] = [];

const base = { onFailure: "refuse", rows: 1000, allowed: 0 } as const;

/** What a network of non-negative effects of the bid, and of no effect of the price, must do. */
const TESTS: readonly ModelTest[] = [
  { ...base, name: "monotone", kind: "monotone", column: "bid", direction: "increasing" },
  { ...base, name: "directional", kind: "directional", change: { scale: { bid: 1.1 } }, direction: "increasing" },
  { ...base, name: "invariant", kind: "invariant", change: { scale: { price: 100 } } },
  { ...base, name: "bounded", kind: "bounded", low: 0 },
];

type Plant = (layers: readonly [DenseLayer, DenseLayer], tail: number) => void;

/** What is wrong with a network, by the test that must find it; `tail` is the unit that is changed. */
const PLANTS: Readonly<Record<string, Plant>> = {
  // A unit that turns on for the 10 % highest bids and lowers the output.
  monotone([first, last], tail) {
    turnOn(first, tail, 1, 0.9);
    last.weights[tail] = -20 * largestSlope(first, last);
  },
  directional([first, last], tail) {
    turnOn(first, tail, 1, 0.9);
    last.weights[tail] = -20 * largestSlope(first, last);
  },
  // The price matters a little, through one unit.
  invariant([first, last], tail) {
    turnOn(first, tail, 0, 5);
    last.weights[tail] = 0.01;
  },
  // Below 0 for the 1 % lowest bids.
  bounded([first, last], tail) {
    turnOn(first, tail, 1, 0.99);
    last.weights[tail] = -1e6;
  },
};

/** Makes a hidden unit respond to one input alone, above a threshold. */
function turnOn(first: DenseLayer, unit: number, input: number, threshold: number): void {
  for (const at of [0, 1]) first.weights[at * HIDDEN + unit] = at === input ? 1 : 0;
  first.bias[unit] = -threshold;
}

/** The most that the output can rise with the bid. */
function largestSlope(first: DenseLayer, last: DenseLayer): number {
  let slope = 0;
  for (let unit = 0; unit < HIDDEN; unit++) {
    slope += Math.max(0, (first.weights[HIDDEN + unit] as number) * (last.weights[unit] as number));
  }
  return slope;
}

/** A network over price and bid, with random non-negative weights of the bid and none of the price. */
function networkOf(seed: number, plant?: Plant): CounterfactualOracle {
  const random = createRandom(seed, "model tests");
  const layers: [DenseLayer, DenseLayer] = [
    {
      inputs: 2,
      outputs: HIDDEN,
      weights: Float32Array.from({ length: 2 * HIDDEN }, (_, at) => (at < HIDDEN ? 0 : Math.abs(random.gaussian()))),
      bias: Float32Array.from({ length: HIDDEN }, () => random.gaussian()),
    },
    {
      inputs: HIDDEN,
      outputs: 1,
      weights: Float32Array.from({ length: HIDDEN }, () => Math.abs(random.gaussian())),
      bias: Float32Array.from([0.1]),
    },
  ];
  plant?.(layers, seed % HIDDEN);
  return {
    inputs: [
      { name: "price", width: 1 },
      { name: "bid", width: 1 },
    ],
    layers,
    link: "identity",
  } as CounterfactualOracle;
}

/** Tests a network as an ONNX snapshot. @returns the names of the failed tests */
async function failedBy(network: CounterfactualOracle, tests: readonly ModelTest[], seed: number) {
  const tensor = (name: string) => ({ name, kind: "numeric" as const, width: 1 });
  const contract = { inputs: [tensor("price"), tensor("bid")], output: tensor("y") };
  const model = await loadSnapshotModel(denseBytes(network, "y"), contract);
  try {
    const outcomes = await runModelTests(tests, {
      ...plantedTable(2000, seed),
      labels: {},
      groupings: [],
      component: component({ name: "click", columns: ["price", "bid"] }),
      predict: (table) => model.predict(table),
    });
    return outcomes.filter(({ result }) => !result.passed).map(({ test }) => test.name);
  } finally {
    await model.dispose();
  }
}

console.log(`Networks of ${HIDDEN} units as ONNX models, ${SEEDS} seeds, 1,000 rows each:\n`);
console.log("| test | networks that meet it, failed | networks with a planted violation, failed |");
console.log("| --- | --- | --- |");
for (const test of TESTS) {
  let alarms = 0;
  let found = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    alarms += (await failedBy(networkOf(seed), [test], seed)).length;
    found += (await failedBy(networkOf(seed, PLANTS[test.name]), [test], seed)).length;
  }
  console.log(`| ${test.name} | ${alarms} of ${SEEDS} | ${found} of ${SEEDS} |`);
  if (alarms > 0) failures.push(`${test.name}: ${alarms} false alarms`);
  if (found < SEEDS) failures.push(`${test.name}: ${SEEDS - found} planted violations missed`);
}

interface AtLimit {
  readonly name: string;
  readonly test: ModelTest;
  /** A model that is exactly at the limit, and one that is worse. */
  subject(seed: number): TestSubject;
  worse(seed: number): TestSubject;
}

const rare = (share: number) => (row: PlantedRow) => (row.bid >= 1 - share ? 2 : 0);
const upTo = (allowed: number): ModelTest => ({ ...base, name: "bounded", kind: "bounded", high: 1, allowed });
const rows = (count: number) => ({ rows: count });

/** Groups of 10 rows that share their bid, and with it whether they violate a bound. */
function grouped(share: number, seed: number): TestSubject {
  const subject = subjectOf(rare(share), { ...rows(1000), seed });
  const codes = Int32Array.from({ length: 1000 }, (_, row) => Math.floor(row / 10));
  const { values } = subject.table.columns.bid as NumericColumn;
  const bid: NumericColumn = {
    kind: "numeric",
    width: 1,
    values: values.map((_, row) => values[row - (row % 10)] as number),
  };
  return {
    ...subject,
    table: { ...subject.table, columns: { ...subject.table.columns, bid } },
    groupings: [{ codes, count: 100 }],
  };
}

/** Off by the square root of `excess` in one country, where the squared error is 1 of noise. */
const biased =
  (excess: number) =>
  ({ price, country }: PlantedRow) =>
    10 - price + (country === "DE" ? Math.sqrt(excess) : 0);
const slice = (limit: { readonly lossAtMost: number } | { readonly lossRelativeToAll: number }): ModelTest => ({
  name: "slice",
  kind: "slice",
  onFailure: "refuse",
  rows: 10_000,
  where: { country: "DE" },
  ...limit,
});
/** The mean over all rows with 30 % of them in the slice. */
const relativeOf = (excess: number) => (1 + excess) / (1 + 0.3 * excess);

const AT_LIMIT: readonly AtLimit[] = [
  ...[0.01, 0.05].map(
    (allowed): AtLimit => ({
      name: `allowed: ${100 * allowed} %, of 1,000 rows`,
      test: upTo(allowed),
      subject: (seed) => subjectOf(rare(allowed), { ...rows(1000), seed }),
      worse: (seed) => subjectOf(rare(2.5 * allowed), { ...rows(1000), seed }),
    }),
  ),
  {
    name: "allowed: 10 %, of 100 groups of 10 rows",
    test: upTo(0.1),
    subject: (seed) => grouped(0.1, seed),
    worse: (seed) => grouped(0.25, seed),
  },
  {
    name: "agreement at 95 %, of 1,000 rows",
    test: { ...base, name: "agreement", kind: "agreement", allowed: 0.05, within: 1 },
    subject: (seed) => subjectOf(rare(0.05), { ...rows(1000), seed, previous: predictorOf(() => 0) }),
    worse: (seed) => subjectOf(rare(0.1), { ...rows(1000), seed, previous: predictorOf(() => 0) }),
  },
  ...[200, 2000].flatMap((count): readonly AtLimit[] => [
    {
      name: `loss_at_most, ${0.3 * count} rows in the slice`,
      test: slice({ lossAtMost: 1 }),
      subject: (seed) => subjectOf(biased(0), { ...rows(count), seed }),
      worse: (seed) => subjectOf(biased(1), { ...rows(count), seed }),
    },
    {
      name: `loss_relative_to_all, ${0.3 * count} of ${count.toLocaleString("en-US")} rows in the slice`,
      test: slice({ lossRelativeToAll: relativeOf(1) }),
      subject: (seed) => subjectOf(biased(1), { ...rows(count), seed }),
      worse: (seed) => subjectOf(biased(4), { ...rows(count), seed }),
    },
  ]),
];

async function failed(test: ModelTest, subject: TestSubject): Promise<boolean> {
  return (await runModelTests([test], subject)).some(({ result }) => !result.passed);
}

console.log(
  `\nModels at a limit on all rows that there could be, and models beyond it, ${SAMPLES.toLocaleString("en-US")} samples of rows:\n`,
);
console.log(`| limit | at the limit, failed | the first ${SEEDS} samples | beyond it, failed |`);
console.log("| --- | --- | --- | --- |");
for (const { name, test, subject, worse } of AT_LIMIT) {
  let alarms = 0;
  let early = 0;
  let found = 0;
  for (let seed = 0; seed < SAMPLES; seed++) {
    const isAlarm = await failed(test, subject(seed));
    alarms += isAlarm ? 1 : 0;
    early += isAlarm && seed < SEEDS ? 1 : 0;
    found += (await failed(test, worse(seed))) ? 1 : 0;
  }
  const percent = (count: number) => `${((100 * count) / SAMPLES).toFixed(1)} %`;
  console.log(`| ${name} | ${percent(alarms)} | ${early} of ${SEEDS} | ${percent(found)} |`);
  // More than the promised share would have explained in one of a thousand runs of this script.
  if (binomialTail(alarms, SAMPLES, FALSE_ALARMS) < 1e-3)
    failures.push(`${name}: ${alarms} of ${SAMPLES} false alarms`);
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

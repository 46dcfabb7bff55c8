/** How long the statistics of one verdict take, and how long they keep the event loop: `npm run bench:statistics`. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { familyMember } from "../../services/verdicts/paired/compare-family.ts";
import { compareLosses, finiteDifferences } from "../../services/verdicts/paired/compare-losses.ts";
import { compareSlices } from "../../services/verdicts/paired/compare-slices.ts";
import { measureHarm, negativeFlips } from "../../services/verdicts/paired/harm.ts";
import type { Grouping } from "../../services/verdicts/paired/sample.ts";
import { adaptAffinely } from "../../services/verdicts/shift/affine-adapter.ts";
import { measureShift } from "../../services/verdicts/shift/interface-shift.ts";
import { drawRows, rowKind } from "../helpers/loss-rows.ts";
import { median } from "./median.ts";

const ROWS = 1_000_000;
const RUNS = 7;
const { differences } = drawRows(rowKind("independent, normal"), ROWS, 1);
const current = differences.map((difference) => 10 + Math.abs(difference));
const candidate = current.map((loss, row) => loss + 0.01 * (differences[row] as number));

function grouping(count: number): Grouping {
  // Multiplied by a large prime, so that rows of a group are not neighbors.
  return { codes: Int32Array.from({ length: ROWS }, (_, row) => (row * 7919) % count), count };
}

const cases: readonly (readonly [string, readonly Grouping[]])[] = [
  ["independent rows", []],
  ["1,000 groups", [grouping(1000)]],
  ["crossed: 1,000 and 997 groups", [grouping(1000), grouping(997)]],
];
const errors = [current, candidate].map((losses) => losses.map((loss) => (loss > 11 ? 1 : 0))) as [
  Float64Array,
  Float64Array,
];
const slices = [{ column: "slice", codes: grouping(20).codes, values: Array.from({ length: 20 }, (_, i) => `${i}`) }];

async function report(name: string, step: string, run: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await run();
  delay.enable();
  for (let i = 0; i < RUNS; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  delay.disable();
  console.log(
    `${name.padEnd(30)} ${step.padEnd(18)} ${median(times).toFixed(0).padStart(5)}   longest turn ${(delay.max / 1e6).toFixed(0)}`,
  );
}

console.log(`${ROWS.toLocaleString("en-US")} rows, median of ${RUNS}, in milliseconds:`);
for (const [name, groupings] of cases) {
  const settings = { groupings, level: 0.95, minimumEffect: 0, seed: 1 };
  await report(name, "interval and kind", () => compareLosses(current, candidate, settings));
  await report(name, "harm", async () => measureHarm(finiteDifferences(current, candidate) as Float64Array));
  await report(name, "negative flips", () => negativeFlips(...errors, settings));
  await report(name, "a pair of a matrix", () => familyMember(current, candidate, settings));
  await report(name, "20 slices", () => compareSlices(current, candidate, slices, settings));
}

// As many values each time.
for (const [rows, width] of [
  [ROWS, 1],
  [ROWS / 8, 8],
  [ROWS / 64, 64],
] as const) {
  const name = `${rows.toLocaleString("en-US")} rows, ${width} wide`;
  const before = Float32Array.from({ length: rows * width }, (_, at) => differences[(at * 7919) % ROWS] as number);
  const after = before.map((value, at) => 2 * value + (differences[at] as number));
  const half = Uint8Array.from({ length: rows }, (_, row) => row % 2);
  await report(name, "interface shift", () => measureShift(before, after, width));
  await report(name, "affine adapter", () => adaptAffinely(after, before, width, half));
}

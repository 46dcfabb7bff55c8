import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createEngine } from "../../services/engine/create-engine.ts";
import { knownUpdate } from "../../services/experiments/beyond/known-updates.ts";
import { PAPER_SIZES } from "../../services/experiments/paper/two-stage.ts";
import { PAPER_EXPERIMENTS, reproduce } from "../../services/experiments/reproduce.ts";
import { diagnoseUpdate } from "../../services/learning/diagnosis/diagnose-update.ts";
import type { EngineChoice } from "../../services/pipeline/team.ts";

/**
 * Measures the duration of `uncouple reproduce all`, in total and per seed, and of a diagnosis on 40,000 training rows, with each
 * engine.
 *
 *     npm run bench:reproduce [-- --engine onnx:cpu --engine wasm] [-- --jobs 1 --jobs 2] [-- --seeds 10] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    engine: { type: "string", multiple: true, default: ["onnx:cpu", "wasm"] },
    jobs: { type: "string", multiple: true, default: ["1", "2"] },
    seeds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed);
const say = (line: string) => {
  if (!options.json) console.log(line);
};

interface Row {
  readonly engine: string;
  readonly jobs: number;
  readonly seconds: number;
  readonly secondsPerSeed: number;
}

const rows: Row[] = [];
for (const jobs of options.jobs.map(Number)) {
  say(`reproduce all, ${seeds.length} seed(s), ${jobs} at a time`);
  let first: Row | undefined;
  for (const choice of options.engine as EngineChoice[]) {
    const engine = await createEngine(choice, { clock: systemClock, log: () => {} });
    const began = performance.now();
    await reproduce({ experiments: PAPER_EXPERIMENTS, seeds, jobs, sizes: PAPER_SIZES, a: 2, b: 1, engine });
    const seconds = (performance.now() - began) / 1000;
    const row: Row = { engine: choice, jobs, seconds, secondsPerSeed: seconds / seeds.length };
    rows.push(row);
    const ratio = first === undefined ? "" : `, ${(seconds / first.seconds).toFixed(2)} of ${first.engine}`;
    say(`  ${choice.padEnd(12)}${seconds.toFixed(1)} s, ${row.secondsPerSeed.toFixed(1)} s per seed${ratio}`);
    first ??= row;
  }
}
const diagnoses: { readonly engine: string; readonly seconds: number }[] = [];
for (const choice of options.engine as EngineChoice[]) {
  const engine = await createEngine(choice, { clock: systemClock, log: () => {} });
  const began = performance.now();
  await diagnoseUpdate(knownUpdate("near-far", { seed: 1, rows: 40_000, heldOut: 40_000, steps: 4000, engine }).update);
  const seconds = (performance.now() - began) / 1000;
  diagnoses.push({ engine: choice, seconds });
  say(`a diagnosis on 40,000 training rows: ${choice.padEnd(12)}${seconds.toFixed(1)} s`);
}
if (options.json) console.log(JSON.stringify({ seeds: seeds.length, rows, diagnoses }));
process.exit(0);

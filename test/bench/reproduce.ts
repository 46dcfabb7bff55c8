import { parseArgs } from "node:util";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { PAPER_SIZES } from "../../services/experiments/paper/two-stage.ts";
import { PAPER_EXPERIMENTS, reproduce } from "../../services/experiments/reproduce.ts";

/**
 * Measures the duration of `uncouple reproduce all`: seconds in total and per seed.
 *
 *     npm run bench:reproduce [-- --seeds 10] [-- --json]
 */
const { values: options } = parseArgs({
  options: { seeds: { type: "string", default: "10" }, json: { type: "boolean", default: false } },
});
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed);
const rows: { readonly jobs: number; readonly seconds: number; readonly secondsPerSeed: number }[] = [];
for (const jobs of [1, 2]) {
  const began = performance.now();
  await reproduce({
    experiments: PAPER_EXPERIMENTS,
    seeds,
    jobs,
    sizes: PAPER_SIZES,
    a: 2,
    b: 1,
    engine: createOnnxEngine("cpu", { clock: systemClock }),
  });
  const seconds = (performance.now() - began) / 1000;
  rows.push({ jobs, seconds, secondsPerSeed: seconds / seeds.length });
}
if (options.json) console.log(JSON.stringify({ seeds: seeds.length, rows }));
else {
  for (const { jobs, seconds, secondsPerSeed } of rows) {
    console.log(
      `reproduce all, ${seeds.length} seeds, ${jobs} at a time: ${seconds.toFixed(1)} s (${secondsPerSeed.toFixed(1)} s per seed)`,
    );
  }
}
process.exit(0);

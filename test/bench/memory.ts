import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createAutoEngine } from "../../services/engine/auto/auto-engine.ts";
import { benchmarkData, benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import { spillMatrix } from "../../services/learning/dataset/row-matrix.ts";
import { createChunkSizes } from "../../services/learning/training/chunk-sizes.ts";
import { openTraining } from "../../services/learning/training/stepped-training.ts";
import { SpilledColumns, type TrainingColumns } from "../../services/learning/training/training-columns.ts";

/**
 * Steps per second on rows in a file, relative to rows in memory, from the second epoch on: two million rows, each shuffle of
 * an epoch included. Usage: [rows] [epochs]
 */
const rows = Number(process.argv[2] ?? 2_000_000);
const epochs = Number(process.argv[3] ?? 2);
const folder = await mkdtemp(join(tmpdir(), "uncouple-bench-memory-"));

/** @returns steps per second, and the engine */
async function measure(
  widths: readonly number[],
  batch: number,
  data: TrainingColumns,
): Promise<{ readonly rate: number; readonly engine: string }> {
  const program = benchmarkProgram(widths, batch);
  const epoch = Math.ceil(rows / batch);
  const steps = (1 + epochs) * epoch;
  const engine = createAutoEngine({ clock: systemClock });
  const training = await openTraining({
    ...{ engine, program, data, rows, steps, seed: 1, schedule: { warmup: 0, decay: "constant" } },
  });
  const sizes = createChunkSizes(systemClock);
  let count = sizes.size();
  let began: number | undefined;
  let first = 0;
  while (training.step < steps) {
    if (began === undefined && training.step >= epoch) {
      began = systemClock.elapsed();
      first = training.step;
    }
    const following = Math.min(sizes.size(), steps - training.step - count);
    await sizes.measure(count, () => training.advance(count, following));
    count = following;
  }
  const seconds = (systemClock.elapsed() - (began as number)) / 1000;
  await training.dispose();
  return { rate: (steps - first) / seconds, engine: training.engine.name };
}

try {
  for (const { widths, batch } of [
    { widths: [20, 64, 64, 1], batch: 256 },
    { widths: [8, 64, 1], batch: 64 },
  ]) {
    const program = benchmarkProgram(widths, batch);
    const data = benchmarkData(program, rows);
    const memory = await measure(widths, batch, data);
    const matrices = Object.entries(program.resident).map(async ([name, { width }]) => {
      const matrix = await spillMatrix(folder, async function* () {
        yield { width, values: data[name] as Float32Array };
      });
      return [name, matrix] as const;
    });
    const spilled = await measure(widths, batch, new SpilledColumns(Object.fromEntries(await Promise.all(matrices))));
    const share = ((100 * spilled.rate) / memory.rate).toFixed(0);
    console.log(
      `${widths.join("-")}, batch ${batch}, ${rows} rows, ${memory.engine}: ${memory.rate.toFixed(0)} steps/s in memory, ${spilled.rate.toFixed(0)} in a file: ${share} %`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

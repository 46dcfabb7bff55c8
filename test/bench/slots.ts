import { parseArgs } from "node:util";
import { inParallel } from "../../services/common/async/in-parallel.ts";
import { availableCpus } from "../../services/common/available-cpus.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { mean } from "../../services/common/statistics.ts";
import { createSyntheticSource } from "../../services/data/synthetic/synthetic-source.ts";
import type { Table } from "../../services/data/table/table.ts";
import { rowLosses, targetOf } from "../../services/data/targets/losses.ts";
import { targetColumn } from "../../services/data/targets/target-column.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { firstStage, SECOND_STAGE, twoStagePipeline } from "../../services/experiments/paper/two-stage.ts";
import { imputedInputs } from "../../services/learning/component/imputed-inputs.ts";
import { trainComponent } from "../../services/learning/component/train-component.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import type { Component } from "../../services/pipeline/pipeline.ts";
import { DEFAULT_TEAM, DEFAULT_WORKERS, type TeamConfig } from "../../services/pipeline/team.ts";
import { visibleColumns } from "../../services/pipeline/visible-columns.ts";

/**
 * Held-out loss of a training with slots against one without, on the paper's M1 and M2. Each has the best learning rate of
 * its own: an untuned comparison only finds that averaging is a larger step.
 *
 *     npm run bench:slots [-- --seeds 5] [-- --steps 3000] [-- --json]
 */
const { values: options } = parseArgs({
  options: {
    seeds: { type: "string", default: "5" },
    steps: { type: "string", default: "3000" },
    json: { type: "boolean", default: false },
  },
});
const RATES = [0.003, 0.01, 0.03, 0.1, 0.3];
const ROWS = 10_000;
const steps = Number(options.steps);
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const workers = (slots: number, syncEvery: number) => ({ ...DEFAULT_WORKERS, slots, syncEvery, audit: 0 });
const METHODS: readonly { readonly name: string; readonly change: Partial<TeamConfig> }[] = [
  { name: "plain", change: {} },
  { name: "plain, 4 x steps", change: { steps: 4 * steps } },
  { name: "plain, batch x 4", change: { batch: 4 * DEFAULT_TEAM.batch } },
  ...[10, 50, 250].map((every) => ({ name: `4 slots, every ${every}`, change: { workers: workers(4, every) } })),
  { name: "8 slots, every 50", change: { workers: workers(8, 50) } },
];

interface Row {
  readonly component: string;
  readonly method: string;
  readonly learningRate: number;
  /** Mean held-out loss over the seeds, and its standard error. */
  readonly loss: number;
  readonly error: number;
}

const engine = createWasmEngine({ clock: systemClock });

async function heldOutLoss(component: Component, seed: number, team: TeamConfig): Promise<number> {
  const pipeline = twoStagePipeline(seed, ROWS);
  const source = createSyntheticSource(pipeline.data);
  const table = async (name: string, split: "trainingRows" | "heldOutRows"): Promise<Table> =>
    (await source[split](visibleColumns(pipeline, name))).table;
  const train = async (config: TeamConfig, upstream: Readonly<Record<string, SnapshotModel>>) => {
    const training = { pipeline, team: config, table: await table(config.component, "trainingRows"), upstream, engine };
    const trained = await trainComponent(training);
    return loadSnapshotModel(trained.bytes, trained);
  };
  const first: TeamConfig = { ...DEFAULT_TEAM, component: "m1", model: { kind: "dense", hidden: [64] }, seed };
  const upstream: Record<string, SnapshotModel> = component.upstream.length === 0 ? {} : { m1: await train(first, {}) };
  const heldOut = await table(component.name, "heldOutRows");
  const imputed = await imputedInputs({ pipeline, upstream }, component, heldOut);
  const model = await train(team, upstream);
  try {
    const predicted = await model.predict({ rows: heldOut.rows, columns: { ...heldOut.columns, ...imputed.columns } });
    return mean([...rowLosses(component, predicted, targetOf(component, targetColumn(component, heldOut)))]);
  } finally {
    for (const used of [model, ...Object.values(upstream)]) await used.dispose();
  }
}

const rows: Row[] = [];
for (const component of [firstStage(3), SECOND_STAGE]) {
  for (const { name, change } of METHODS) {
    const tried: Row[] = [];
    for (const learningRate of RATES) {
      const losses = await inParallel(seeds, availableCpus(), (seed) =>
        heldOutLoss(component, seed, {
          ...DEFAULT_TEAM,
          component: component.name,
          model: { kind: "dense", hidden: [64] },
          steps,
          seed,
          ...change,
          optimizer: { ...DEFAULT_TEAM.optimizer, learningRate },
        }).catch(() => Number.POSITIVE_INFINITY),
      );
      const loss = mean(losses);
      const spread = Math.sqrt(mean(losses.map((value) => (value - loss) * (value - loss))) / losses.length);
      tried.push({ component: component.name, method: name, learningRate, loss, error: spread });
    }
    const best = tried.reduce((a, b) => (b.loss < a.loss ? b : a));
    rows.push(best);
    if (!options.json) {
      const { method, loss, error } = best;
      console.log(
        `${component.name}  ${method.padEnd(22)} ${loss.toPrecision(4).padStart(10)} ± ${error.toPrecision(2)}  at a rate of ${best.learningRate}`,
      );
    }
  }
}
if (options.json) console.log(JSON.stringify({ steps, seeds: seeds.length, rows }, undefined, 2));
process.exit(0);

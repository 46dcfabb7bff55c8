import { raceAbort } from "../../common/async/race-abort.ts";
import type { DataSource, Rows } from "../../data/source/data-source.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import { removeSpill, type SpillSpace } from "../../data/spill/spill-folder.ts";
import { isSpilled, type StoredTable } from "../../data/spill/stored-table.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { type TrainerData, type TrainingChoice, trainerData } from "../../data/visibility.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { GenerationLog } from "../../registry/generation-log.ts";
import type { Logger } from "../../runtime/logs.ts";

/** The data that a run trains on. */
export interface LoadedData extends TrainerData {
  readonly schema: readonly ColumnSchema[];
  readonly oracle: CounterfactualOracle | undefined;
}

export interface TrainingData {
  /**
   * Loads the current rows, without those that are held out, and removes what was spilled of them after the work.
   * @param choice defaults to all training rows
   * @throws UncoupleError as `trainerData`; `unavailable`; what `work` throws; the reason of the signal, once it is aborted
   */
  use<T>(signal: AbortSignal, work: (data: LoadedData) => T | Promise<T>, choice?: TrainingChoice): Promise<T>;
}

export interface TrainingDataDeps {
  readonly source: DataSource;
  readonly generations: Pick<GenerationLog, "current">;
  /** Where rows go that exceed their share of memory. Opened once, by the first load. */
  openSpace(): Promise<SpillSpace>;
  readonly log: Logger;
}

/**
 * The data that one team may see. Generated rows never change and are cached, unless they are spilled; stored rows are
 * read again for every run.
 */
export function createTrainingData(pipeline: Pipeline, component: string, deps: TrainingDataDeps): TrainingData {
  const { source, generations, log } = deps;
  let space: Promise<SpillSpace> | undefined;
  let cached: Promise<LoadedData> | undefined;

  async function read(choice: TrainingChoice = {}): Promise<LoadedData> {
    space ??= deps.openSpace();
    const schema = await source.schema();
    const data = await trainerData(source, pipeline, component, {
      ...choice,
      heldOutAfter: await heldOutAfter(),
      space: await space,
    });
    report(data.training);
    return { ...data, schema, oracle: source.oracle(component) };
  }

  /** The evaluator may have older rows than this trainer, and what it holds out must not be trained on. */
  async function heldOutAfter(): Promise<string | undefined> {
    if (pipeline.data.source === "synthetic" || pipeline.data.time === undefined) return undefined;
    return (await generations.current())?.heldOutAfter;
  }

  function report({ bad, table, fingerprint, sample }: Rows<StoredTable>): void {
    const of = sample === undefined ? "" : `, a sample of ${sample.before}`;
    const where = isSpilled(table) ? `; they exceed their share of --memory-limit and are in ${table.folder}` : "";
    log.info({ rows: table.rows, fingerprint, sample }, `loaded ${table.rows} training rows${of}${where}`);
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, `skipped ${bad.bad} bad rows`);
    }
  }

  async function load(choice?: TrainingChoice): Promise<LoadedData> {
    if (pipeline.data.source !== "synthetic" || choice?.part !== undefined) return read(choice);
    const loading = cached ?? read();
    cached = loading;
    try {
      const data = await loading;
      if (isSpilled(data.training.table)) cached = undefined;
      return data;
    } catch (thrown) {
      cached = undefined;
      throw thrown;
    }
  }

  async function release({ training: { table } }: LoadedData): Promise<void> {
    if (isSpilled(table)) await removeSpill(table.folder);
  }

  return {
    async use(signal, work, choice) {
      const loading = load(choice);
      let data: LoadedData;
      try {
        data = await raceAbort(loading, signal);
      } catch (thrown) {
        void loading.then(release, () => {});
        throw thrown;
      }
      try {
        return await work(data);
      } finally {
        await release(data);
      }
    },
  };
}

import { raceAbort } from "../../common/async/race-abort.ts";
import type { BadRows, DataSource, Rows } from "../../data/source/data-source.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import { removeSpill, type SpillSpace } from "../../data/spill/spill-folder.ts";
import { isSpilled, type StoredTable } from "../../data/spill/stored-table.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { checkTrainerData, type TrainerData, type TrainingChoice, trainerData } from "../../data/visibility.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { RowSample } from "../../pipeline/sample.ts";
import type { GenerationLog } from "../../registry/generation-log.ts";
import type { Logger } from "../../runtime/logs.ts";

/** The data that a run trains on. */
export interface LoadedData extends TrainerData {
  readonly schema: readonly ColumnSchema[];
  readonly oracle: CounterfactualOracle | undefined;
}

export interface TrainingData {
  /**
   * Checks the current rows without holding them.
   * @throws UncoupleError as `use`
   */
  check(signal: AbortSignal, sample?: RowSample): Promise<void>;
  /**
   * Loads the current rows, without those that are held out, and removes what was spilled of them after the work.
   * @param choice defaults to all training rows
   * @param trainings on these rows at a time, which divide the share of memory; defaults to 1
   * @throws UncoupleError as `trainerData`; `unavailable`; what `work` throws; the reason of the signal, once it is aborted
   */
  use<T>(
    signal: AbortSignal,
    work: (data: LoadedData) => T | Promise<T>,
    choice?: TrainingChoice,
    trainings?: number,
  ): Promise<T>;
}

export interface TrainingDataDeps {
  readonly source: DataSource;
  readonly generations: Pick<GenerationLog, "current">;
  /** Where rows go that exceed their share of memory. Opened once, by the first load. */
  openSpace(): Promise<SpillSpace>;
  /** Whether rows in memory may stay there between runs. */
  readonly keepsRows: boolean;
  readonly log: Logger;
}

/** What was read last, and what it depends on. */
interface KeptRows {
  readonly key: string;
  readonly data: LoadedData;
}

/**
 * The data that one team may see. Rows in memory are kept for the next run, which uses them unless the files have changed.
 * Generated rows never change. Spilled rows, and those whose source cannot tell, are read again for every run.
 */
export function createTrainingData(pipeline: Pipeline, component: string, deps: TrainingDataDeps): TrainingData {
  const { source, generations, log } = deps;
  let space: Promise<SpillSpace> | undefined;
  let cached: Promise<LoadedData> | undefined;
  let kept: KeptRows | undefined;

  async function read(choice: TrainingChoice = {}, trainings = 1): Promise<LoadedData> {
    space ??= deps.openSpace();
    const { tableBytes, folder } = await space;
    const schema = await source.schema();
    const options = { ...choice, heldOutAfter: await heldOutAfter() };
    // A part is read for a study, which reads it once.
    const version = deps.keepsRows && choice.part === undefined ? await source.version?.() : undefined;
    const key = JSON.stringify([version, options]);
    if (version !== undefined && kept?.key === key) {
      log.info(`the training rows are those of the last run: ${kept.data.training.table.rows}`);
      return kept.data;
    }
    kept = undefined;
    const read = await trainerData(source, pipeline, component, {
      ...options,
      space: { tableBytes: Math.floor(tableBytes / trainings), folder },
    });
    report(read.training);
    const data = { ...read, schema, oracle: source.oracle(component) };
    // If the files changed meanwhile, the next version is another one.
    if (version !== undefined && !isSpilled(read.training.table)) kept = { key, data };
    return data;
  }

  async function checkRows(sample: RowSample | undefined): Promise<void> {
    if (pipeline.data.source === "synthetic") return void (await load());
    const { rows, bad } = await checkTrainerData(source, pipeline, component, {
      sample,
      heldOutAfter: await heldOutAfter(),
    });
    log.info({ rows }, `there are ${rows} training rows`);
    warnOfBad(bad);
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
    warnOfBad(bad);
  }

  function warnOfBad(bad: BadRows): void {
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, `skipped ${bad.bad} bad rows`);
    }
  }

  async function load(choice?: TrainingChoice, trainings?: number): Promise<LoadedData> {
    if (pipeline.data.source !== "synthetic" || choice?.part !== undefined) return read(choice, trainings);
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
    check: (signal, sample) => raceAbort(checkRows(sample), signal),
    async use(signal, work, choice, trainings) {
      const loading = load(choice, trainings);
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

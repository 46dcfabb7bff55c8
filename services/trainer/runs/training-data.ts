import type { DataSource, Rows } from "../../data/source/data-source.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { type TrainerData, trainerData } from "../../data/visibility.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { GenerationLog } from "../../registry/generation-log.ts";
import type { Logger } from "../../runtime/logs.ts";

/** The data that a run trains on. */
export interface LoadedData extends TrainerData {
  readonly schema: readonly ColumnSchema[];
  readonly oracle: CounterfactualOracle | undefined;
}

export interface TrainingData {
  /** Loads the current rows, without those that are held out. @throws UncoupleError as `trainerData`; `unavailable` */
  load(): Promise<LoadedData>;
}

/** The data that one team may see. Generated rows never change and are cached; files are read again for every run. */
export function createTrainingData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  generations: Pick<GenerationLog, "current">,
  log: Logger,
): TrainingData {
  let cached: Promise<LoadedData> | undefined;

  async function read(): Promise<LoadedData> {
    const schema = await source.schema();
    const data = await trainerData(source, pipeline, component, await heldOutAfter());
    report(data.training);
    return { ...data, schema, oracle: source.oracle(component) };
  }

  /** The evaluator may have older rows than this trainer, and what it holds out must not be trained on. */
  async function heldOutAfter(): Promise<string | undefined> {
    if (pipeline.data.source === "synthetic" || pipeline.data.time === undefined) return undefined;
    return (await generations.current())?.heldOutAfter;
  }

  function report({ bad, table, fingerprint }: Rows): void {
    log.info({ rows: table.rows, fingerprint }, `loaded ${table.rows} training rows`);
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, `skipped ${bad.bad} bad rows`);
    }
  }

  return {
    load() {
      if (pipeline.data.source === "file") return read();
      cached ??= read().catch((thrown: unknown) => {
        cached = undefined;
        throw thrown;
      });
      return cached;
    },
  };
}

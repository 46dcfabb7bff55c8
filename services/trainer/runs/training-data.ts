import type { DataSource, Rows } from "../../data/source/data-source.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { type TrainerData, trainerData } from "../../data/visibility.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Logger } from "../../runtime/logs.ts";

/** All that a run needs of the data. */
export interface LoadedData extends TrainerData {
  readonly schema: readonly ColumnSchema[];
  readonly oracle: CounterfactualOracle | undefined;
}

export interface TrainingData {
  /** The rows as they are now. @throws UncoupleError as `trainerData` */
  load(): Promise<LoadedData>;
}

/** What one team may see of the data. Generated rows never change and are kept; files are read again for every run. */
export function createTrainingData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  log: Logger,
): TrainingData {
  let kept: Promise<LoadedData> | undefined;

  async function read(): Promise<LoadedData> {
    const schema = await source.schema();
    const data = await trainerData(source, pipeline, component);
    report(data.training);
    return { ...data, schema, oracle: source.oracle(component) };
  }

  function report({ bad, table, fingerprint }: Rows): void {
    log.info({ rows: table.rows, fingerprint }, `${table.rows} training rows`);
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, `${bad.bad} bad rows are left out`);
    }
  }

  return {
    load() {
      if (pipeline.data.source === "file") return read();
      kept ??= read().catch((thrown: unknown) => {
        kept = undefined;
        throw thrown;
      });
      return kept;
    },
  };
}

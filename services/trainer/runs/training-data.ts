import type { DataSource, Rows, TrainingPart } from "../../data/source/data-source.ts";
import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { type TrainerData, trainerData, visibleColumns } from "../../data/visibility.ts";
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
  /** As `load`, without the rows that `validation` has. @param share of the training rows that are for validation, in (0, 1) */
  fitting(share: number): Promise<LoadedData>;
  /** The training rows that are for validation, with the columns that the team may see. @throws UncoupleError as `load` */
  validation(share: number): Promise<Rows>;
}

/** The data that one team may see. Generated rows never change and are cached; stored rows are read again for every run. */
export function createTrainingData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  generations: Pick<GenerationLog, "current">,
  log: Logger,
): TrainingData {
  let cached: Promise<LoadedData> | undefined;

  async function read(part?: TrainingPart): Promise<LoadedData> {
    const schema = await source.schema();
    const data = await trainerData(source, pipeline, component, await heldOutAfter(), part);
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
      if (pipeline.data.source !== "synthetic") return read();
      cached ??= read().catch((thrown: unknown) => {
        cached = undefined;
        throw thrown;
      });
      return cached;
    },
    fitting: (share) => read({ side: "fit", share }),
    async validation(share) {
      const part = { side: "validation", share } as const;
      return source.trainingRows(visibleColumns(pipeline, component), undefined, await heldOutAfter(), part);
    },
  };
}

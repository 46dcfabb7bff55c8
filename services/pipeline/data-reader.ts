import { ancestors } from "./dag.ts";
import type { DataSourceSpec, FileSplit, Pipeline, RowPlace, StoredSource } from "./pipeline.ts";

/** Who reads the rows of a pipeline: its evaluators, or the trainer of a component. */
export type DataReader = "evaluator" | { readonly trainer: string };

/** What a reader opens. */
export interface ReadSource {
  readonly spec: DataSourceSpec;
  /** The key of the pipeline file that says where it is: `data`, `data.held_out`, `components.m2.data`. */
  readonly setting: string;
}

/**
 * What a reader opens, and nothing else: a trainer never the held-out rows' own place, an evaluator never that of a
 * component.
 */
export function sourceFor({ data, components }: Pick<Pipeline, "data" | "components">, reader: DataReader): ReadSource {
  const own = { spec: data, setting: "data" };
  if (data.source === "synthetic") return own;
  if (reader === "evaluator") {
    return data.heldOut === undefined || data.heldOut === "all" ? own : heldOutSource(data, data.heldOut);
  }
  const view = components.find(({ name }) => name === reader.trainer)?.data;
  if (view === undefined) return own;
  const split =
    data.heldOut !== undefined
      ? { heldOut: data.heldOut }
      : data.time !== undefined
        ? { time: data.time }
        : { testFraction: data.testFraction };
  return { spec: placed(data, view, split), setting: `components.${reader.trainer}.data` };
}

function heldOutSource(data: StoredSource, place: RowPlace): ReadSource {
  return { spec: placed(data, place, { heldOut: "all" }), setting: "data.held_out" };
}

/** The same rows, or others of the same kind, in another place. */
function placed(data: StoredSource, place: RowPlace, split: FileSplit): StoredSource {
  const { key, group, exposeKeys, maxBadFraction } = data;
  const rows = {
    ...(group !== undefined && { group }),
    ...(exposeKeys !== undefined && { exposeKeys }),
    maxBadFraction,
    ...split,
  };
  if (place.source === "file") return { ...place, ...(key !== undefined && { key }), ...rows };
  // The parser requires a key for databases.
  return { ...place, key: key as string, ...rows };
}

/** Whether held-out rows are in a place of their own. */
export function hasOwnHeldOut({ data }: Pick<Pipeline, "data">): boolean {
  return data.source !== "synthetic" && data.heldOut !== undefined;
}

/** Which part of a pipeline's columns a source has: those of all rows, of one side of the split, or of one component. */
export type SourceColumns = "all" | "training" | "held-out" | { readonly component: string };

/** The columns that what a reader opens must have. */
export function columnsFor(pipeline: Pick<Pipeline, "data" | "components">, reader: DataReader): SourceColumns {
  if (reader === "evaluator") return hasOwnHeldOut(pipeline) ? "held-out" : "all";
  const own = pipeline.components.find(({ name }) => name === reader.trainer)?.data !== undefined;
  if (own) return { component: reader.trainer };
  return hasOwnHeldOut(pipeline) ? "training" : "all";
}

/** A component and those above it. */
export function closureNames(components: Pipeline["components"], component: string): ReadonlySet<string> {
  return new Set([component, ...ancestors(components, component).map(({ name }) => name)]);
}

import { type AnnotatedRows, createAnnotatedRows } from "../composition/annotated-losses.ts";
import { type ComposerDeps, createComposer } from "../composition/composer.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { restricted } from "../verdicts/paired/compare-slices.ts";
import type { HeldOutPart } from "./held-out-parts.ts";

/** The rows of a part whose upstream outputs are annotated. */
export interface AnnotatedPart {
  readonly rows: AnnotatedRows;
  readonly structure: RowStructure;
}

export type AnnotatedPartDeps = Pick<ComposerDeps, "modelOf" | "inference" | "signal">;

/**
 * @param onMissing as in `createAnnotatedRows`
 * @returns undefined without `audit.held_out`
 */
export function createAnnotatedPart(
  pipeline: Pipeline,
  { structure, annotated, annotatedTable: rows }: HeldOutPart,
  deps: AnnotatedPartDeps,
  onMissing: (upstream: string, downstream: string, reason: string) => void,
): AnnotatedPart | undefined {
  if (annotated === undefined || rows === undefined) return undefined;
  // The composer's own cache is not used: callers keep what follows from outputs.
  const composer = createComposer({ pipeline, heldOut: rows, outputCacheBytes: 0 }, deps);
  return {
    rows: createAnnotatedRows(pipeline, rows, composer, onMissing),
    structure: {
      groupings: structure.groupings.map((grouping) => restricted(grouping, annotated)),
      slices: structure.slices.map((slice) => ({
        ...slice,
        codes: annotated.map((row) => slice.codes[row] as number),
      })),
    },
  };
}

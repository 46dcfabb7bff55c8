import { createSharedCache } from "../common/shared-cache.ts";
import { createAnnotatedLosses } from "../composition/annotated-losses.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition, MeasuredGaps, PipelineMatrix, VerdictConsistency } from "../pipeline/verdict.ts";
import { measureConsistency } from "../verdicts/consistency.ts";
import type { AnnotatedPart } from "./annotated-part.ts";

/** The consistency gaps of compositions on the annotated held-out rows. */
export interface Consistency {
  /**
   * @returns undefined without `audit.held_out` or an annotated edge, for an incomplete composition, or if a component cannot be run on the
   *   annotated values
   */
  gaps(composition: Composition): Promise<MeasuredGaps | undefined>;
  /** The gaps of what a verdict compares; undefined without those of the candidate. */
  ofVerdict(current: Composition, candidate: Composition): Promise<VerdictConsistency | undefined>;
}

/** Compositions whose gaps are kept: those of a verdict, and what is in use. */
const KEPT = 32;

const NONE: Consistency = { gaps: async () => undefined, ofVerdict: async () => undefined };

/** @param annotated the rows to measure on; undefined: nothing is measured */
export function createConsistency(pipeline: Pipeline, annotated: AnnotatedPart | undefined): Consistency {
  if (annotated === undefined || annotated.rows.edges.length === 0) return NONE;
  const losses = createAnnotatedLosses(annotated.rows);
  const { groupings } = annotated.structure;
  const known = createSharedCache<MeasuredGaps | undefined>({ capacity: KEPT, weight: () => 1 });

  const gaps: Consistency["gaps"] = (composition) =>
    known.use(
      compositionKey(pipeline.name, composition),
      async () => {
        const measured = await measureConsistency(composition, { pipeline, losses, groupings });
        return measured && { rows: losses.rows, gaps: measured };
      },
      async (measured) => measured,
    );
  return {
    gaps,
    async ofVerdict(current, candidate) {
      const after = await gaps(candidate);
      if (after === undefined) return undefined;
      const before = await gaps(current);
      return {
        rows: after.rows,
        ...(before !== undefined && { current: before.gaps }),
        candidate: after.gaps,
      };
    },
  };
}

/** Matrices with the gaps of what is in use. */
export function withGaps(
  matrices: readonly PipelineMatrix[],
  measured: MeasuredGaps | undefined,
): readonly PipelineMatrix[] {
  return matrices.map((matrix) => {
    const gap = measured?.gaps.find(
      ({ upstream, downstream }) => upstream === matrix.upstream && downstream === matrix.downstream,
    );
    return gap === undefined ? matrix : { ...matrix, gap };
  });
}

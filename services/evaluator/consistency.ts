import { UncoupleError } from "../common/errors.ts";
import { createSharedCache } from "../common/shared-cache.ts";
import { createAnnotatedLosses } from "../composition/annotated-losses.ts";
import { type ComposerDeps, createComposer } from "../composition/composer.ts";
import { createRandom } from "../data/random/random.ts";
import type { Table } from "../data/table/table.ts";
import { takeRows } from "../data/table/take-rows.ts";
import type { Inference } from "../inference/inference.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition, MeasuredGaps, PipelineMatrix, VerdictConsistency } from "../pipeline/verdict.ts";
import type { Logger } from "../runtime/logs.ts";
import { measureConsistency } from "../verdicts/consistency.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { restricted } from "../verdicts/paired/compare-slices.ts";

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

export interface ConsistencyDeps extends Pick<ComposerDeps, "modelOf"> {
  readonly pipeline: Pipeline;
  readonly heldOut: Table;
  /** Of the held-out rows. */
  readonly structure: Pick<RowStructure, "groupings">;
  readonly inference: Inference;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Compositions whose gaps are kept: those of a verdict, and what is in use. */
const KEPT = 32;

const NONE: Consistency = { gaps: async () => undefined, ofVerdict: async () => undefined };

/** @throws UncoupleError `failed-precondition` if there are fewer held-out rows than `audit.held_out` */
export function createConsistency(deps: ConsistencyDeps): Consistency {
  const { pipeline, heldOut, structure, log } = deps;
  const wanted = pipeline.audit?.heldOut;
  if (wanted === undefined) return NONE;
  if (wanted > heldOut.rows) {
    throw new UncoupleError(
      "failed-precondition",
      `audit.held_out: ${wanted} annotated rows requested, but only ${heldOut.rows} held-out rows exist`,
    );
  }
  const chosen = annotatedRows(heldOut.rows, wanted);
  const table = takeRows(heldOut, chosen);
  // The composer's own cache is not used: gaps are kept instead of outputs.
  const composer = createComposer({ pipeline, heldOut: table, outputCacheBytes: 0 }, deps);
  const losses = createAnnotatedLosses(pipeline, table, composer, (upstream, downstream, reason) =>
    log.warn({ upstream, downstream, reason }, "no consistency gap for an edge"),
  );
  if (losses.edges.length === 0) return NONE;
  const groupings = structure.groupings.map((grouping) => restricted(grouping, chosen));
  const known = createSharedCache<MeasuredGaps | undefined>({ capacity: KEPT, weight: () => 1 });

  const gaps: Consistency["gaps"] = (composition) =>
    known.use(
      compositionKey(pipeline.name, composition),
      async () => {
        const measured = await measureConsistency(composition, { pipeline, losses, groupings });
        return measured && { rows: table.rows, gaps: measured };
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

/** Chooses rows at random, the same ones every time, so that more wanted rows only add to fewer. @returns ascending */
function annotatedRows(rows: number, wanted: number): Int32Array {
  return createRandom(0, "audit-held-out").permutation(rows).slice(0, wanted).sort();
}

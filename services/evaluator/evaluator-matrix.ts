import { asUncoupleError } from "../common/errors.ts";
import { usedNow } from "../composition/in-use.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { MeasuredGaps, PipelineMatrix } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { createMatrix, type Matrix } from "../verdicts/matrix.ts";
import { type Consistency, withGaps } from "./consistency.ts";

export interface EvaluatorMatrixDeps {
  readonly pipeline: Pipeline;
  /** Number of newest serials per component in the matrix. */
  readonly retained: number;
  readonly backplane: Pick<Backplane, "registry" | "ledger">;
  readonly view: Pick<PipelineView, "history" | "noteDeleted">;
  readonly losses: Pick<ComposedLosses, "rowLosses">;
  readonly consistency: Pick<Consistency, "gaps">;
  readonly structure: Pick<RowStructure, "groupings">;
  readonly reportFailure: FailureReporter;
  /** Aborts refreshes in progress. */
  readonly signal: AbortSignal;
}

/** The pipeline's matrix over the snapshots that have a verdict and are not quarantined. */
export interface EvaluatorMatrix extends Pick<Matrix, "current"> {
  /** The consistency gaps of what is in use; as `Consistency.gaps`. */
  gaps(): Promise<MeasuredGaps | undefined>;
  /** As `Matrix.refresh`, with the gaps of what is in use. */
  refresh(): Promise<readonly PipelineMatrix[]>;
  /** As `Matrix.withIntervals`. */
  withIntervals(): Promise<readonly PipelineMatrix[]>;
  /** Starts a refresh without waiting for it, and reports its failure. */
  refreshInBackground(): void;
  /** Called when what is current has changed without a verdict. */
  invalidate(): void;
}

export function createEvaluatorMatrix(deps: EvaluatorMatrixDeps): EvaluatorMatrix {
  const { pipeline, backplane, view, signal, reportFailure } = deps;
  const current = () => usedNow(pipeline, view.history, backplane);
  const matrix = createMatrix({
    pipeline,
    losses: deps.losses,
    groupings: deps.structure.groupings,
    retained: (component) => view.history.usable(component).newest(deps.retained, Number.POSITIVE_INFINITY),
    current,
  });
  /** Starts over without a snapshot that was deleted meanwhile: a different one each time. */
  const withoutDeleted = async <T>(measure: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await measure();
      } catch (thrown) {
        if (!(thrown instanceof DeletedError)) throw thrown;
        view.noteDeleted(thrown.snapshot);
      }
    }
  };
  const gaps = () => withoutDeleted(async () => deps.consistency.gaps(await current()));
  const refresh = () =>
    withoutDeleted(async () => {
      const matrices = await matrix.refresh(signal);
      return withGaps(matrices, await gaps());
    });
  let busy = false;
  let again = false;
  /** One refresh at a time; those asked for meanwhile are one more. */
  const refreshInBackground = () => {
    again = busy;
    if (busy || signal.aborted) return;
    busy = true;
    refresh()
      .catch((thrown: unknown) => {
        if (!signal.aborted) reportFailure("computing the matrix", asUncoupleError(thrown));
      })
      .finally(() => {
        busy = false;
        if (again) refreshInBackground();
      });
  };
  return {
    gaps,
    refresh,
    withIntervals: () => withoutDeleted(() => matrix.withIntervals(signal)),
    refreshInBackground,
    invalidate() {
      matrix.invalidate();
      refreshInBackground();
    },
    current: () => withoutDeleted(() => matrix.current()),
  };
}

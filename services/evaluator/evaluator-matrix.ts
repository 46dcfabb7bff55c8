import { asUncoupleError } from "../common/errors.ts";
import { readChampions } from "../composition/champions.ts";
import { currentComposition } from "../composition/current.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { PipelineMatrix } from "../pipeline/verdict.ts";
import type { Registry } from "../registry/registry.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import { createMatrix, type Matrix } from "../verdicts/matrix.ts";

export interface EvaluatorMatrixDeps {
  readonly pipeline: Pipeline;
  /** Number of newest serials per component in the matrix. */
  readonly retained: number;
  readonly registry: Pick<Registry, "aliases">;
  readonly view: Pick<PipelineView, "announcements" | "quarantined" | "usable">;
  readonly losses: Pick<ComposedLosses, "rowLosses">;
  readonly reportFailure: FailureReporter;
  /** Aborts refreshes in progress. */
  readonly signal: AbortSignal;
}

/** The pipeline's matrix over the snapshots that have a verdict and are not quarantined. */
export interface EvaluatorMatrix extends Pick<Matrix, "current"> {
  /** As `Matrix.refresh`. */
  refresh(): Promise<readonly PipelineMatrix[]>;
  /** Starts a refresh without waiting for it, and reports its failure. */
  refreshInBackground(): void;
}

export function createEvaluatorMatrix(deps: EvaluatorMatrixDeps): EvaluatorMatrix {
  const { pipeline, registry, view, signal, reportFailure } = deps;
  const usable = {
    quarantined: view.quarantined,
    announcements: (component: string) => {
      const serials = new Set(view.usable(component));
      return view.announcements(component).filter(({ manifest }) => serials.has(manifest.serial));
    },
  };
  const matrix = createMatrix({
    pipeline,
    losses: deps.losses,
    retained: (component) => view.usable(component).slice(-deps.retained),
    current: async () =>
      currentComposition(
        pipeline,
        usable,
        await readChampions(registry, pipeline.components),
        Number.POSITIVE_INFINITY,
      ),
  });
  const refresh = () => matrix.refresh(signal);
  return {
    refresh,
    refreshInBackground() {
      refresh().catch((thrown: unknown) => {
        if (!signal.aborted) reportFailure("computing the matrix", asUncoupleError(thrown));
      });
    },
    current: () => matrix.current(),
  };
}

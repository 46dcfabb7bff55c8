import type { Backplane } from "../registry/backplane.ts";
import type { EvaluatorService } from "../rpc/services/evaluator-service.ts";
import type { Evaluator } from "./create-evaluator.ts";

/** Implements the gRPC service. Verdicts and quarantines are those of all the pipeline's evaluators. */
export function serveEvaluator(
  evaluator: Evaluator,
  backplane: Pick<Backplane, "verdicts" | "quarantines">,
): EvaluatorService {
  return {
    listVerdicts: () => backplane.verdicts.list(),
    watchVerdicts: (from, signal) => backplane.verdicts.watch(from, signal),
    matrix: () => evaluator.matrices(),
    listQuarantines: () => backplane.quarantines.list(),
    status: () => evaluator.status(),
  };
}

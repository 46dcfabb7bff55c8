import type { Backplane } from "../registry/backplane.ts";
import type { EvaluatorService } from "../rpc/services/evaluator-service.ts";
import { pageOf } from "../rpc/services/pages.ts";
import type { Evaluator } from "./create-evaluator.ts";

/** Implements the gRPC service. Verdicts and quarantines are those of all the pipeline's evaluators. */
export function serveEvaluator(
  evaluator: Evaluator,
  backplane: Pick<Backplane, "verdicts" | "quarantines">,
): EvaluatorService {
  return {
    listVerdicts: (page) => pageOf(backplane.verdicts.read(page.from), page),
    watchVerdicts: (from, signal) => backplane.verdicts.watch(from, signal),
    matrix: (options) => evaluator.matrices(options),
    listQuarantines: (page) => pageOf(backplane.quarantines.read(page.from), page),
    status: () => evaluator.status(),
  };
}

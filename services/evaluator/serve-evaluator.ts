import type { Backplane } from "../registry/backplane.ts";
import type { EvaluatorService } from "../rpc/services/evaluator-service.ts";
import type { Evaluator } from "./create-evaluator.ts";

/** What an evaluator offers to clients; verdicts and quarantines are everybody's, whichever evaluator made them. */
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

import { isRefused, type JudgedTest } from "../../pipeline/model-test.ts";
import { failedTestsText } from "../../pipeline/model-test-text.ts";
import type { CompositionTests } from "../composition-tests.ts";
import { type DecideDeps, decide, type GateOutcome, type Proposal } from "./decide.ts";

export interface TestedOutcome extends GateOutcome {
  /** The pipeline's tests that the update can change. */
  readonly tests: readonly JudgedTest[];
}

/**
 * Decides as `decide`, and promotes nothing that fails a test of the pipeline which may not fail.
 * @throws SnapshotFault as `decide` and `CompositionTests`
 */
export async function decideTested(
  proposal: Proposal,
  { tests, ...deps }: DecideDeps & { readonly tests: CompositionTests },
): Promise<TestedOutcome> {
  const { composition } = proposal.release;
  const found = await tests.ofComposition(composition, { ...composition, ...proposal.moves });
  const failed = found.filter(isRefused);
  if (failed.length === 0) return { ...(await decide(proposal, deps)), tests: found };
  const outcome = await decide(proposal, { ...deps, forbidden: [...deps.forbidden, "failed-test"] });
  return { ...outcome, detail: failedTestsText(failed), tests: found };
}

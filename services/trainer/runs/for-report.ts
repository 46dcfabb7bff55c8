import { asUncoupleError } from "../../common/errors.ts";
import type { Logger } from "../../runtime/logs.ts";

/**
 * Does something that only reports need, and that must not fail a run: logs its failure.
 * @param what completes "cannot ..." @returns undefined if it failed
 */
export async function forReport<T>(
  run: string,
  what: string,
  log: Logger,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    log.warn({ run, error }, `cannot ${what} for the report of run ${run}: ${error.message}`);
    return undefined;
  }
}

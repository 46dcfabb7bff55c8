import type { Composition } from "../../pipeline/verdict.ts";
import { chooseSet } from "./choose-set.ts";
import { climb } from "./climb.ts";
import { costToEnumerate, everyPoint } from "./enumerate.ts";
import { createMeasurements } from "./measurements.ts";
import { createSearchSpace, type SearchDeps } from "./search-space.ts";
import { startsOf } from "./starts.ts";

/** Compositions that a gate's search measures: more than the optimum of six components with four snapshots each takes. */
export const SET_BUDGET = 600;

/** Snapshots that move together. */
export interface FoundSet {
  /** Component to serial, without components that stay. At least one. */
  readonly moves: Composition;
  /** Mean pipeline loss on screen rows, under the loss limit of the pipeline file. */
  readonly loss: number;
  readonly releaseLoss: number;
  /** Different compositions that were measured. */
  readonly measured: number;
  /** Whether every composition was measured, so that none is better. */
  readonly isExhaustive: boolean;
}

/**
 * Searches the movable snapshots for the set that makes the pipeline loss on screen rows lowest: among all compositions if
 * they are few, else by a climb from several starts. Then takes the smallest change that is within one standard error of
 * the best, and drops members without which it is not inferior by the margin.
 *
 * Depends on nothing but its arguments: the same losses give the same set. A composition without a valid loss is passed
 * over; no snapshot is blamed for it.
 *
 * @returns undefined if nothing beats the release, or the release has no loss
 * @throws what `screen.losses` throws, except a SnapshotFault; the signal's reason
 */
export async function searchSets(deps: SearchDeps): Promise<FoundSet | undefined> {
  const space = createSearchSpace(deps);
  const measurements = space && (await createMeasurements(deps, space));
  if (space === undefined || measurements === undefined) return undefined;
  const isExhaustive = costToEnumerate(deps.pipeline, space) <= deps.budget;
  if (isExhaustive) await measurements.measure(everyPoint(space));
  else await climb(startsOf(space, deps.trainedOn), space, measurements);
  const chosen = await chooseSet(deps, space, measurements);
  if (chosen === undefined) return undefined;
  return {
    moves: space.movesAt(chosen.point),
    loss: chosen.loss,
    releaseLoss: measurements.releaseLoss,
    measured: measurements.all().length,
    isExhaustive,
  };
}

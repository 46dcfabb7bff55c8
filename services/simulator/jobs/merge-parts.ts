import { inParallel } from "../../common/async/in-parallel.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { PartPlace } from "./part-place.ts";
import type { Part } from "./part-runner.ts";
import { PARTS_AT_ONCE, readPartStore } from "./part-store.ts";
import { partsOf, shareOf } from "./shard.ts";

export interface MergedSimulation {
  readonly scenario: Scenario;
  /** As `runSimulation` returns them. */
  readonly runs: readonly PolicyRun[];
}

/** The shards that an error names. */
const MOST_NAMED = 10;

/**
 * Collects the runs of one simulation from the places of its shards, which may be one and the same.
 *
 * @param places at least one
 * @throws UncoupleError `failed-precondition` if they have parts of different simulations, or, naming their shards, if parts
 *   are missing; as `readPartStore`
 */
export async function mergeParts(places: readonly PartPlace[]): Promise<MergedSimulation> {
  const kept = await Promise.all(places.map(readPartStore));
  const [first] = kept as [(typeof kept)[number], ...typeof kept];
  const identity = ({ version, scenario }: (typeof kept)[number]) => JSON.stringify({ version, scenario });
  const other = kept.findIndex((one) => identity(one) !== identity(first));
  if (other > 0) {
    throw new UncoupleError(
      "failed-precondition",
      `${places[other]?.path} has parts of another scenario or version than ${places[0]?.path}; merge shards of one simulation`,
    );
  }
  const parts = partsOf(first.scenario);
  const runs = await inParallel(parts, PARTS_AT_ONCE, async (part) => {
    for (const { store } of kept) {
      const run = await store.load(part);
      if (run !== undefined) return run;
    }
    return undefined;
  });
  const missing = parts.filter((_, at) => runs[at] === undefined);
  if (missing.length > 0) {
    const { shards } = kept.find((one) => one.shards !== undefined) ?? first;
    throw new UncoupleError(
      "failed-precondition",
      `${missing.length} of ${parts.length} parts are missing; run ${missingShards(parts, missing, shards)} again`,
    );
  }
  return { scenario: first.scenario, runs: runs as readonly PolicyRun[] };
}

/** @param count of shards; undefined if the simulation was not divided */
function missingShards(parts: readonly Part[], missing: readonly Part[], count: number | undefined): string {
  if (count === undefined) return "the simulation";
  const names = Array.from({ length: count }, (_, index) => index)
    .filter((index) => shareOf(parts, { index, count }).some((part) => missing.includes(part)))
    .map((index) => `${index}/${count}`);
  const more = names.length - MOST_NAMED;
  const named = names.slice(0, MOST_NAMED).join(", ");
  return `--shard ${named}${more > 0 ? ` and ${more} more` : ""}`;
}

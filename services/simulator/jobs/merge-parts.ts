import { UncoupleError } from "../../common/errors.ts";
import type { PolicyRun } from "../records/policy-run.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { readPartStore } from "./part-store.ts";
import { partsOf } from "./shard.ts";

export interface MergedSimulation {
  readonly scenario: Scenario;
  /** As `runSimulation` returns them. */
  readonly runs: readonly PolicyRun[];
}

/**
 * Collects the runs of one simulation from the folders of its shards, which may be one and the same.
 *
 * @param folders at least one
 * @throws UncoupleError `failed-precondition` if they have parts of different simulations, or a part is missing; as
 *   `readPartStore`
 */
export async function mergeParts(folders: readonly string[]): Promise<MergedSimulation> {
  const kept = await Promise.all(folders.map(readPartStore));
  const [first] = kept as [(typeof kept)[number], ...typeof kept];
  const identity = ({ version, scenario }: (typeof kept)[number]) => JSON.stringify({ version, scenario });
  const other = kept.findIndex((one) => identity(one) !== identity(first));
  if (other > 0) {
    throw new UncoupleError(
      "failed-precondition",
      `${folders[other]} has parts of another scenario or version than ${folders[0]}; merge shards of one simulation`,
    );
  }
  const parts = partsOf(first.scenario);
  const runs = await Promise.all(
    parts.map(async (part) => {
      for (const { store } of kept) {
        const run = await store.load(part);
        if (run !== undefined) return run;
      }
      return undefined;
    }),
  );
  const missing = parts.filter((_, at) => runs[at] === undefined);
  const [sample] = missing;
  if (sample !== undefined) {
    throw new UncoupleError(
      "failed-precondition",
      `${missing.length} of ${parts.length} parts are missing, such as ${sample.policy} on seed ${sample.seed}; run their shards again`,
    );
  }
  return { scenario: first.scenario, runs: runs as readonly PolicyRun[] };
}

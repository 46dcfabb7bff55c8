import { asUncoupleError } from "../../common/errors.ts";
import type { PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { pinComponent } from "../../releases/pin.ts";
import { type ActOptions, type ActRun, perform } from "./act.ts";
import type { Platform } from "./platform.ts";

/** Contents of the team files that the story submits with its runs. */
export interface StoryFiles {
  readonly initial: string;
  readonly async: string;
  readonly proximal: string;
  readonly causal: string;
  readonly incremental: string;
  readonly consistent: string;
}

export type Role = keyof StoryFiles;

/** One training run of the story and its snapshot. */
export interface StoryRun extends ActRun {
  readonly role: Role;
}

export interface StoryRecord {
  readonly runs: readonly StoryRun[];
  readonly verdicts: readonly Verdict[];
  readonly quarantines: readonly Quarantine[];
  readonly matrix: PipelineMatrix;
}

/**
 * Runs the paper's story (Modi et al. 2023, section 4) on the services: team M1 publishes a linear model, team M2
 * trains on its predictions under three protocols, and team M1 publishes a better model twice.
 * @throws UncoupleError as `perform`
 */
export function tellStory(platform: Platform, files: StoryFiles, options: ActOptions): Promise<StoryRecord> {
  const { clock, listener } = options;
  const champion = async (runs: readonly StoryRun[]): Promise<void> => {
    for (const { manifest } of runs) {
      const { pipeline, component, serial } = manifest;
      const request = { component, by: "demo", reason: "first snapshot" };
      await pin({ backplane: platform.backplane, pipeline, clock }, request, serial);
    }
  };
  return perform(platform, options, async (act) => {
    const train = async (component: string, ...roles: readonly Role[]): Promise<readonly StoryRun[]> => {
      const runs = await act.train(
        component,
        roles.map((role) => files[role]),
      );
      return runs.map((run, index) => ({ ...run, role: roles[index] as Role }));
    };

    listener.chapter("Team M1 publishes M1^0, a linear model of z, and makes it the champion");
    const initial = await train("m1", "initial");
    await champion(initial);
    await act.judged(initial);

    listener.chapter("Team M2 trains on M1^0's predictions under three protocols; async becomes the champion");
    const async = await train("m2", "async");
    await act.judged(async);
    await champion(async);
    // Later snapshots are compared with all earlier ones.
    const others = await train("m2", "proximal", "causal");
    await act.judged(others);

    listener.chapter("Team M1 publishes two better models: one slightly better, one nearly perfect");
    const updates = await train("m1", "incremental", "consistent");
    await act.judged(updates);

    return {
      runs: [...initial, ...async, ...others, ...updates],
      verdicts: [...act.verdicts.values()],
      quarantines: [...act.quarantines.values()],
      matrix: await act.matrix({ intervals: true }),
    };
  });
}

/** Pins a snapshot, again if the evaluator puts it in use at the same time. */
async function pin(...args: Parameters<typeof pinComponent>): Promise<void> {
  try {
    await pinComponent(...args);
  } catch (thrown) {
    if (asUncoupleError(thrown).code !== "conflict") throw thrown;
    await pinComponent(...args);
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Study } from "../../services/pipeline/study.ts";
import { studyThat } from "./studies.ts";
import type { TrainerProcess } from "./trainer-world.ts";

/** Steps that all trials of a study have done. */
const stepsOf = ({ trials }: Study) => trials.reduce((sum, { steps }) => sum + steps, 0);

/**
 * Kills a trainer again and again while it runs a study: every fourth time as soon as it has started, otherwise a while after
 * the study has made a step, so that the moments cover preparation, steps, measurements and waits between trials.
 * @param start starts it anew
 * @returns the trainer that goes on with the study, and how many times it was killed before the study's end
 */
export async function killDuring(
  trainer: TrainerProcess,
  id: string,
  times: number,
  start: () => Promise<TrainerProcess>,
): Promise<{ readonly trainer: TrainerProcess; readonly kills: number }> {
  let running = trainer;
  let kills = 0;
  while (kills < times) {
    const before = stepsOf(await running.tuning.getStudy(id));
    const study = await studyThat(running.tuning, id, (now) => kills % 4 === 3 || stepsOf(now) > before);
    if (study.state !== "running") break;
    // A different moment each time, without chance.
    await sleep((kills * 37) % 150);
    await running.end("SIGKILL");
    kills += 1;
    running = await start();
  }
  return { trainer: running, kills };
}

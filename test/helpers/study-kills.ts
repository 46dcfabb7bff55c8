import { setTimeout as sleep } from "node:timers/promises";
import { type Study, trialHasEnded } from "../../services/pipeline/study.ts";
import { studyThat } from "./studies.ts";
import type { TrainerProcess } from "./trainer-world.ts";

/**
 * Kills a trainer again and again while it runs a study, at moments that cover preparation, steps, measurements and waits
 * between trials.
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
    const before = (await running.tuning.getStudy(id)).trials.filter(trialHasEnded).length;
    const due = ({ trials }: Study) =>
      trials.filter(trialHasEnded).length > before ||
      trials.some(({ state, steps }) => state === "running" && steps > 0);
    const study = await studyThat(running.tuning, id, due);
    if (study.state === "complete") break;
    // A different moment each time, without chance.
    await sleep((kills * 37) % 150);
    await running.end("SIGKILL");
    kills += 1;
    running = await start();
  }
  return { trainer: running, kills };
}

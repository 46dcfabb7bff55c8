import type { Study, Trial } from "../../services/pipeline/study.ts";
import type { RemoteTuning } from "../../services/rpc/client/tuning-client.ts";

const never = new AbortController().signal;

/** Waits for the study to end. @returns its final state */
export async function endOfStudy(tuning: Pick<RemoteTuning, "watchStudy">, id: string): Promise<Study> {
  return studyThat(tuning, id, () => false);
}

/** Waits for the first state of the study that satisfies a condition, or for its end. */
export async function studyThat(
  tuning: Pick<RemoteTuning, "watchStudy">,
  id: string,
  holds: (study: Study) => boolean,
): Promise<Study> {
  const leaving = new AbortController();
  let last: Study | undefined;
  for await (const study of tuning.watchStudy(id, AbortSignal.any([never, leaving.signal]))) {
    last = study;
    if (holds(study)) break;
  }
  leaving.abort();
  if (last === undefined) throw new Error(`no state of study ${id} was received`);
  return last;
}

/** What a study has found, without the time that it took: equal for equal studies, bit for bit. */
export function found({ trials }: Pick<Study, "trials">): readonly Omit<Trial, "seconds">[] {
  return trials.map(({ seconds: _, ...trial }) => trial);
}

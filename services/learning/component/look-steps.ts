import type { TeamConfig } from "../../pipeline/team.ts";
import type { ModelLooks } from "./training-backend.ts";

/** The steps at which a training is looked at, with the one after which it is to end. */
export function lookSteps({ steps, stopAfter = steps }: TeamConfig, looks: ModelLooks | undefined): readonly number[] {
  const wanted = (looks?.at ?? []).filter((step) => step < stopAfter);
  return stopAfter < steps ? [...wanted, stopAfter] : wanted;
}

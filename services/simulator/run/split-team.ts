import { closureOf } from "../../pipeline/dag.ts";
import type { Split } from "../world/events.ts";
import type { WorldStage } from "./seed-world.ts";
import type { Teams } from "./teams.ts";
import type { Workshop } from "./workshop.ts";

/**
 * Splits a team. Each of the two that take its place trains a first model of its own true function, as the policy trains; the
 * second one on the output of the first. Both come into use at once, with the verdicts of first snapshots: there is nothing to
 * compare them with. What the split team trained before is superseded.
 *
 * @param stage that begins with the split
 */
export async function splitTeam(split: Split, stage: WorldStage, workshop: Workshop, teams: Teams): Promise<void> {
  const { at, first } = split;
  const { pipeline } = stage;
  workshop.reorganize(stage, at);
  const kept = workshop.book.inUse();
  const moves: Record<string, number> = {};
  for (const { team: component, hidden, steps, seed } of first) {
    const inUse = { ...kept, ...moves };
    const above = closureOf(pipeline, component).slice(0, -1);
    const upstream = Object.fromEntries(above.map((name) => [name, inUse[name] as number]));
    const run = {
      component,
      pipeline,
      cause: "split",
      hidden,
      steps,
      seed,
      isBad: false,
      startedAt: at,
      upstream,
      wishes: [],
    } as const;
    const serial = await workshop.train(run);
    await workshop.judge(run, serial, at, inUse);
    moves[component] = serial;
  }
  await workshop.release(moves, at);
  await teams.onSplit(split, at);
}

import { seedOf } from "../../common/random-weights.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { FirstModel, Wish } from "../world/events.ts";
import type { Teams, TeamsDeps } from "./teams.ts";
import type { StartedRun } from "./workshop.ts";

/**
 * One release train a tick, unless the last one is still under way: all teams that wished to train, and everything downstream of
 * them, train in the order of the pipeline, each on the new snapshots of its upstream, and come into use as one. A train takes
 * as long as the longest way through its trainings, with outages, and as its coordination.
 */
export function createReleaseTrain(deps: TeamsDeps): Teams {
  const { world, workshop, calendar, wishes, agenda } = deps;
  const { scenario } = world;
  const { training, deployment } = scenario;
  let isUnderWay = false;
  let waiting: Wish[] = [];
  /** What the models of a team are like: as in its newest wish, whether it was served or not. */
  const models = new Map<string, Pick<FirstModel, "hidden" | "steps">>();
  for (const { name, hidden = training.hidden, steps = training.steps } of scenario.teams) {
    models.set(name, { hidden, steps });
  }

  /** The teams that train, in topological order. */
  function participantsOf(wished: ReadonlySet<string>): readonly string[] {
    const changed = new Set<string>();
    for (const { name, upstream } of workshop.stage().pipeline.components) {
      if (wished.has(name) || upstream.some((other) => changed.has(other))) changed.add(name);
    }
    return [...changed];
  }

  function arrival(participants: readonly string[], served: ReadonlyMap<string, readonly Wish[]>, at: number): number {
    const ends = new Map<string, number>();
    let delay = 0;
    for (const name of participants) {
      const wish = served.get(name)?.at(-1);
      const above = componentNamed(workshop.stage().pipeline, name).upstream;
      const ready = Math.max(at, ...above.map((other) => ends.get(other) ?? at));
      ends.set(name, calendar.nextAtWork(name, ready) + (wish?.duration ?? training.duration));
      delay = Math.max(delay, wish?.delay ?? deployment.delay);
    }
    return Math.max(...ends.values()) + delay + deployment.coordination * participants.length;
  }

  function depart(at: number): void {
    const served = new Map<string, Wish[]>();
    for (const wish of waiting) {
      const own = served.get(wish.team) ?? [];
      served.set(wish.team, own);
      own.push(wish);
    }
    wishes.started(waiting, at);
    waiting = [];
    isUnderWay = true;
    const participants = participantsOf(new Set(served.keys()));
    agenda.add(arrival(participants, served, at), (later) => arrive(served, at, later));
  }

  async function arrive(served: ReadonlyMap<string, readonly Wish[]>, startedAt: number, at: number): Promise<void> {
    const moves: Record<string, number> = {};
    const inUse = workshop.book.inUse();
    // Those of the departure, but for teams that were split on the way.
    const participants = participantsOf(new Set(served.keys()));
    for (const component of participants) {
      const run = runOf(component, served.get(component) ?? [], startedAt, { ...inUse, ...moves });
      const serial = await workshop.train(run);
      wishes.trained(run.wishes, serial);
      // As evaluators do: compared with everything that was announced before.
      await workshop.judge(run, serial, at, { ...inUse, ...moves });
      moves[component] = serial;
    }
    if (participants.length > 0) await workshop.release(moves, at);
    isUnderWay = false;
  }

  function runOf(
    component: string,
    served: readonly Wish[],
    startedAt: number,
    composition: Readonly<Record<string, number>>,
  ): StartedRun {
    const wish = served.at(-1);
    const model = models.get(component) as Pick<FirstModel, "hidden" | "steps">;
    const upstream = Object.fromEntries(
      Object.keys(workshop.pinsAt(component, startedAt)).map((name) => [name, composition[name] as number]),
    );
    return {
      component,
      pipeline: workshop.stage().pipeline,
      cause: wish === undefined ? "forced" : "wish",
      hidden: wish?.hidden ?? model.hidden,
      steps: wish?.steps ?? model.steps,
      seed: wish?.seed ?? seedOf(world.seed, "forced", component, startedAt),
      isBad: wish?.isBad ?? false,
      startedAt,
      upstream,
      wishes: served,
    };
  }

  return {
    onWish(wish) {
      const { steps } = models.get(wish.team) as Pick<FirstModel, "hidden" | "steps">;
      models.set(wish.team, { hidden: wish.hidden, steps });
      waiting.push(wish);
    },
    onSplit({ team, first }) {
      waiting = waiting.filter((wish) => wish.team !== team);
      for (const model of first) models.set(model.team, model);
    },
    onTick(tick) {
      if (!isUnderWay && waiting.length > 0) depart(tick);
    },
  };
}

import { seedOf } from "../../common/random-weights.ts";
import type { Wish } from "../world/events.ts";
import type { Teams, TeamsDeps } from "./teams.ts";
import type { StartedRun } from "./workshop.ts";

/**
 * One release train a tick, unless the last one is still under way: all teams that wished to train, and everything downstream of
 * them, train in the order of the pipeline, each on the new snapshots of its upstream, and come into use as one. A train takes
 * as long as the longest way through its trainings, with outages, and as its coordination.
 */
export function createReleaseTrain(deps: TeamsDeps): Teams {
  const { world, workshop, calendar, wishes, agenda } = deps;
  const { scenario, pipeline } = world;
  const { training, deployment } = scenario;
  let isUnderWay = false;
  let waiting: Wish[] = [];
  const newest = new Map<string, Wish>();
  const teams = new Map(scenario.teams.map((team) => [team.name, team]));

  /** The teams that train, in topological order. */
  function participantsOf(wished: ReadonlySet<string>): readonly string[] {
    const changed = new Set<string>();
    for (const { name, upstream } of pipeline.components) {
      if (wished.has(name) || upstream.some((other) => changed.has(other))) changed.add(name);
    }
    return [...changed];
  }

  function arrival(participants: readonly string[], served: ReadonlyMap<string, readonly Wish[]>, at: number): number {
    const ends = new Map<string, number>();
    let delay = 0;
    for (const name of participants) {
      const wish = served.get(name)?.at(-1);
      const above = pipeline.components.find((component) => component.name === name)?.upstream ?? [];
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
    agenda.add(arrival(participants, served, at), (later) => arrive(participants, served, at, later));
  }

  async function arrive(
    participants: readonly string[],
    served: ReadonlyMap<string, readonly Wish[]>,
    startedAt: number,
    at: number,
  ): Promise<void> {
    const moves: Record<string, number> = {};
    const inUse = workshop.book.inUse();
    for (const component of participants) {
      const run = runOf(component, served.get(component) ?? [], startedAt, { ...inUse, ...moves });
      const serial = await workshop.train(run);
      wishes.trained(run.wishes, serial);
      // As evaluators do: compared with everything that was announced before.
      await workshop.judge(run, serial, at, { ...inUse, ...moves });
      moves[component] = serial;
    }
    await workshop.release(moves, at);
    isUnderWay = false;
  }

  function runOf(
    component: string,
    served: readonly Wish[],
    startedAt: number,
    composition: Readonly<Record<string, number>>,
  ): StartedRun {
    const wish = served.at(-1);
    const team = teams.get(component);
    const upstream = Object.fromEntries(
      Object.keys(workshop.pinsAt(component, startedAt)).map((name) => [name, composition[name] as number]),
    );
    return {
      component,
      cause: wish === undefined ? "forced" : "wish",
      hidden: (wish ?? newest.get(component))?.hidden ?? team?.hidden ?? training.hidden,
      steps: wish?.steps ?? team?.steps ?? training.steps,
      seed: wish?.seed ?? seedOf(world.seed, "forced", component, startedAt),
      isBad: wish?.isBad ?? false,
      startedAt,
      upstream,
      wishes: served,
    };
  }

  return {
    onWish(wish) {
      newest.set(wish.team, wish);
      waiting.push(wish);
    },
    onTick(tick) {
      if (!isUnderWay && waiting.length > 0) depart(tick);
    },
  };
}

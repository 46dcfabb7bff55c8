import { seedOf } from "../../common/random-weights.ts";
import type { CandidateRunPlan } from "../../releases/cotraining.ts";
import type { ReleaseRule } from "../rules/rule.ts";
import type { Wish } from "../world/events.ts";
import type { Teams, TeamsDeps } from "./teams.ts";
import type { StartedRun } from "./workshop.ts";

interface Desk {
  isBusy: boolean;
  /** The newest wish, whether it was served or not: it says what the team's models are like. */
  newest: Wish | undefined;
  /** Wishes that wait. One training serves them all. */
  waiting: Wish[];
  requests: CandidateRunPlan[];
  /** Trainings that were started, and the newest of them that was ready. */
  started: number;
  ready: number;
}

/**
 * Every team trains by itself, one training at a time, on the upstream snapshots in use some ticks ago, and its snapshot is
 * ready some ticks later. The rule says what gets into use.
 */
export function createIndependentTeams(deps: TeamsDeps, rule: ReleaseRule): Teams {
  const { world, workshop, calendar, wishes, agenda } = deps;
  const { scenario, truth } = world;
  const { training, deployment } = scenario;
  const desks = new Map(
    scenario.teams.map(({ name }): [string, Desk] => [
      name,
      { isBusy: false, newest: undefined, waiting: [], requests: [], started: 0, ready: 0 },
    ]),
  );
  const teams = new Map(scenario.teams.map((team) => [team.name, team]));

  function tryToStart(name: string, at: number): void {
    const desk = desks.get(name) as Desk;
    if (desk.isBusy || (desk.waiting.length === 0 && desk.requests.length === 0)) return;
    const free = calendar.nextAtWork(name, at);
    if (free > at) {
      agenda.add(free, (later) => tryToStart(name, later));
      return;
    }
    const request = desk.requests.shift();
    const run = request === undefined ? wished(name, desk, at) : requested(request, desk, at);
    desk.isBusy = true;
    desk.started += 1;
    const order = desk.started;
    wishes.started(run.wishes, at);
    const wish = run.wishes.at(-1);
    const end = at + (wish?.duration ?? training.duration);
    agenda.add(end, (later) => {
      desk.isBusy = false;
      tryToStart(name, later);
    });
    const ready = calendar.nextAtWork(name, end + (wish?.delay ?? deployment.delay));
    agenda.add(ready, (later) => finish(run, desk, order, later));
  }

  function wished(component: string, desk: Desk, at: number): StartedRun {
    const served = desk.waiting.splice(0);
    const { hidden, steps, seed, isBad } = served.at(-1) as Wish;
    const upstream = workshop.pinsAt(component, at - training.staleness);
    return { component, cause: "wish", hidden, steps, seed, isBad, startedAt: at, upstream, wishes: served };
  }

  function requested({ consumer, upstream, id, attempt }: CandidateRunPlan, desk: Desk, at: number): StartedRun {
    const team = teams.get(consumer);
    return {
      component: consumer,
      cause: "candidate",
      hidden: desk.newest?.hidden ?? team?.hidden ?? training.hidden,
      steps: team?.steps ?? training.steps,
      seed: seedOf(world.seed, id, attempt),
      isBad: false,
      startedAt: at,
      upstream,
      wishes: [],
      answers: id,
    };
  }

  async function finish(run: StartedRun, desk: Desk, order: number, at: number): Promise<void> {
    const { component, upstream, answers } = run;
    const serial = await workshop.train(run);
    wishes.trained(run.wishes, serial);
    const isOvertaken = order < desk.ready;
    const current = isOvertaken ? undefined : workshop.book.inUse();
    const judgement = await workshop.judge(run, serial, at, current);
    if (judgement === undefined) {
      workshop.book.settle(component, serial, "superseded", at);
      return;
    }
    desk.ready = order;
    const snapshot = { component, serial, judgement, upstream, ...(answers !== undefined && { answers }) };
    const { releases, fates, requests } = await rule.decide(snapshot, at, truth.epochAt(at));
    for (const moves of releases) await workshop.release(moves, at);
    for (const [name, number, fate] of fates) workshop.book.settle(name, number, fate, at);
    for (const request of requests) take(request, at);
  }

  function take(request: CandidateRunPlan, at: number): void {
    const desk = desks.get(request.consumer) as Desk;
    if (request.state === "requested") desk.requests.push(request);
    else desk.requests = desk.requests.filter(({ id }) => id !== request.id);
    tryToStart(request.consumer, at);
  }

  return {
    onWish(wish, at) {
      const desk = desks.get(wish.team) as Desk;
      desk.newest = wish;
      desk.waiting.push(wish);
      tryToStart(wish.team, at);
    },
    onTick() {},
  };
}

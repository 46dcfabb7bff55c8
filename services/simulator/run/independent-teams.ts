import { seedOf } from "../../common/random-weights.ts";
import type { CandidateRunPlan } from "../../releases/cotraining.ts";
import type { ReleaseRule, RuleOutcome } from "../rules/rule.ts";
import type { FirstModel, Wish } from "../world/events.ts";
import type { Teams, TeamsDeps } from "./teams.ts";
import type { StartedRun } from "./workshop.ts";

interface Desk {
  isBusy: boolean;
  /** What the team's models are like: as in the newest wish, whether it was served or not. */
  hidden: readonly number[];
  steps: number;
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
  const desks = new Map<string, Desk>();
  for (const { name, hidden = training.hidden, steps = training.steps } of scenario.teams) {
    open({ team: name, hidden, steps });
  }

  function open({ team, hidden, steps }: Omit<FirstModel, "seed">): void {
    desks.set(team, { isBusy: false, hidden, steps, waiting: [], requests: [], started: 0, ready: 0 });
  }

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
    const { pipeline } = workshop.stage();
    return { component, pipeline, cause: "wish", hidden, steps, seed, isBad, startedAt: at, upstream, wishes: served };
  }

  function requested({ consumer, upstream, id, attempt }: CandidateRunPlan, desk: Desk, at: number): StartedRun {
    return {
      component: consumer,
      pipeline: workshop.stage().pipeline,
      cause: "candidate",
      hidden: desk.hidden,
      steps: desk.steps,
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
    const isSplit = !workshop.stage().teams.some(({ name }) => name === component);
    const current = isOvertaken || isSplit ? undefined : workshop.book.inUse();
    const judgement = await workshop.judge(run, serial, at, current);
    if (judgement === undefined) {
      workshop.book.settle(component, serial, "superseded", at);
      return;
    }
    desk.ready = order;
    const snapshot = { component, serial, judgement, upstream, ...(answers !== undefined && { answers }) };
    await carryOut(await rule.decide(snapshot, at, truth.epochAt(at)), at);
  }

  async function carryOut({ releases, fates, requests }: RuleOutcome, at: number): Promise<void> {
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
      desk.hidden = wish.hidden;
      desk.waiting.push(wish);
      tryToStart(wish.team, at);
    },
    onTick() {},
    async onSplit({ team, first }, at) {
      const desk = desks.get(team) as Desk;
      desk.waiting = [];
      desk.requests = [];
      for (const model of first) open(model);
      const { pipeline } = workshop.stage();
      await carryOut(await rule.reorganize(pipeline, workshop.book.inUse(), at, truth.epochAt(at)), at);
    },
  };
}

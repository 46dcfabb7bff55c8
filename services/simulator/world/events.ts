import { log } from "../../common/elementary.ts";
import { createRandom, type Random } from "../../data/random/random.ts";
import type { Cadence, Scenario, ScriptedEvent } from "../scenario/scenario.ts";
import { livesOf, stagesOf, type TeamLife, type TeamSplit } from "../scenario/stages.ts";

/** A team wishes to train, and what would be trained: the same under every policy. */
export interface Wish {
  readonly team: string;
  /** In the order of the team's wishes, from 1. */
  readonly number: number;
  readonly at: number;
  readonly hidden: readonly number[];
  readonly steps: number;
  readonly isBad: boolean;
  /** Of the training. */
  readonly seed: number;
  /** In ticks. */
  readonly duration: number;
  readonly delay: number;
}

/** A time in which a team neither starts a training nor deploys. */
export interface Outage {
  readonly team: string;
  readonly from: number;
  readonly to: number;
}

/** A team's models have other hidden layers from here on. */
export interface ModelChange {
  readonly team: string;
  readonly at: number;
  readonly kind: "upgrade" | "downgrade";
  readonly hidden: readonly number[];
}

/** Two teams take the place of one, each with a first model of the other team's size. */
export interface Split extends TeamSplit {
  readonly at: number;
  readonly first: readonly FirstModel[];
}

/** What a new team trains when it begins. */
export interface FirstModel {
  readonly team: string;
  readonly hidden: readonly number[];
  readonly steps: number;
  /** Of the training. */
  readonly seed: number;
}

/** What happens whatever the policy. */
export interface WorldEvents {
  /** In order of time, then of teams. */
  readonly wishes: readonly Wish[];
  readonly outages: readonly Outage[];
  readonly changes: readonly ModelChange[];
  readonly splits: readonly Split[];
}

/** A bad release was trained for this share of its steps. */
const BAD_SHARE = 0.02;
/** A burst has as many wishes, at gaps of a tenth of the mean interval. */
const BURST = 4;
const BURST_GAP = 0.1;

/** Draws the events of a scenario. Depends on nothing but the scenario and the seed; every team has streams of its own. */
export function drawEvents(scenario: Scenario, seed: number): WorldEvents {
  const stages = stagesOf(scenario);
  const lives = livesOf(stages);
  const drawn = new Map<string, TeamEvents>();
  for (const life of lives) {
    // Comes after the team whose place it takes.
    const parent = life.parent === undefined ? undefined : drawn.get(life.parent);
    const hidden = parent?.hidden ?? life.team.hidden ?? scenario.training.hidden;
    drawn.set(life.team.name, eventsOf(life, hidden, scenario, seed));
  }
  const places = new Map(lives.map(({ team }, at) => [team.name, at]));
  const placeOf = (team: string) => places.get(team) as number;
  const all = [...drawn.values()];
  return {
    wishes: all.flatMap(({ wishes }) => wishes).sort((a, b) => a.at - b.at || placeOf(a.team) - placeOf(b.team)),
    outages: all.flatMap(({ outages }) => outages).sort((a, b) => a.from - b.from || placeOf(a.team) - placeOf(b.team)),
    changes: all.flatMap(({ changes }) => changes).sort((a, b) => a.at - b.at || placeOf(a.team) - placeOf(b.team)),
    splits: stages.flatMap(({ from, split }) =>
      split === undefined
        ? []
        : [{ ...split, at: from, first: split.into.map((team) => (drawn.get(team) as TeamEvents).first) }],
    ),
  };
}

interface TeamEvents extends Omit<WorldEvents, "splits"> {
  readonly first: FirstModel;
  /** Hidden layers at the end. */
  readonly hidden: readonly number[];
}

/** @param initial hidden layers of the team's models at its beginning */
function eventsOf(life: TeamLife, initial: readonly number[], scenario: Scenario, seed: number): TeamEvents {
  const { cadence, training, deployment, events, ticks } = scenario;
  const { team, from, to } = life;
  const { name } = team;
  const stream = (what: string) => createRandom(seed, `world/${name}/${what}`);
  const [times, kinds, trainings] = [stream("times"), stream("kinds"), stream("trainings")];
  const scripted = events.scripted.filter((event) => event.team === name).sort((a, b) => a.tick - b.tick);
  const pending = scripted.filter(({ kind }) => kind !== "outage" && kind !== "split");
  const steps = team.steps ?? training.steps;
  const wishes: Wish[] = [];
  const changes: ModelChange[] = [];
  let hidden = initial;
  const change = (kind: ModelChange["kind"], at: number) => {
    hidden = kind === "upgrade" ? hidden.map((units) => 2 * units) : hidden.map((units) => Math.max(1, units >> 1));
    changes.push({ team: name, at, kind, hidden });
  };
  const isAlive = (at: number) => from <= at && at < to;
  for (const at of wishTimes({ ...cadence, every: team.every ?? cadence.every }, ticks, times).filter(isAlive)) {
    let isBad = kinds.uniform() < events.badRelease;
    if (kinds.uniform() < events.upgrade) change("upgrade", at);
    if (kinds.uniform() < events.downgrade) change("downgrade", at);
    for (let next = pending[0]; next !== undefined && next.tick <= at; next = pending[0]) {
      pending.shift();
      if (next.kind === "bad-release") isBad = true;
      else change(next.kind as ModelChange["kind"], at);
    }
    wishes.push({
      team: name,
      number: wishes.length + 1,
      at,
      hidden,
      steps: isBad ? Math.max(1, Math.round(BAD_SHARE * steps)) : steps,
      isBad,
      seed: trainings.uint32(),
      duration: training.duration * (0.5 + trainings.uniform()),
      delay: deployment.delay * (0.5 + trainings.uniform()),
    });
  }
  const outages = outagesOf(name, scenario, scripted, stream("outages")).filter((outage) => isAlive(outage.from));
  const first = { team: name, hidden: initial, steps, seed: stream("first").uint32() };
  return { wishes, changes, outages, first, hidden };
}

/** Times of wishes in [0, ticks), ascending. */
function wishTimes({ kind, every }: Cadence, ticks: number, random: Random): readonly number[] {
  const times: number[] = [];
  const gap = (mean: number) => -mean * log(1 - random.uniform());
  switch (kind) {
    case "poisson":
      for (let at = gap(every); at < ticks; at += gap(every)) times.push(at);
      break;
    case "periodic":
      for (let at = every * random.uniform(); at < ticks; at += every) times.push(at);
      break;
    case "bursty":
      for (let start = gap(BURST * every); start < ticks; start += gap(BURST * every)) {
        for (let i = 0; i < BURST; i++) times.push(start + i * BURST_GAP * every);
      }
  }
  return times.filter((at) => at < ticks).sort((a, b) => a - b);
}

function outagesOf(
  team: string,
  { events, ticks }: Scenario,
  scripted: readonly ScriptedEvent[],
  random: Random,
): readonly Outage[] {
  const outages: Outage[] = scripted
    .filter(({ kind }) => kind === "outage")
    .map(({ tick, ticks: length = events.outageTicks }) => ({ team, from: tick, to: tick + length }));
  for (let tick = 0; tick < ticks; tick++) {
    if (random.uniform() < events.outage) outages.push({ team, from: tick, to: tick + events.outageTicks });
  }
  return outages.sort((a, b) => a.from - b.from);
}

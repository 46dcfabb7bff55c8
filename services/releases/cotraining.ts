import { ancestors } from "../pipeline/dag.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { type CandidateRun, type Decision, movesName, type Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";

/** Trainings of a consumer on one candidate, each with another seed, after which a candidate that is still worse is closed. */
export const MAX_CANDIDATE_ATTEMPTS = 3;

/** What the plan of co-training depends on, all of it from the ledger and the view of one moment. */
export interface CotrainingInput {
  readonly pipeline: Pipeline;
  /** The newest release. */
  readonly release: Pick<Release, "number" | "composition">;
  /**
   * Every decision against that release that is held and needs consumers: of one snapshot, or of a candidate with consumers that
   * were retrained on it. A request that none of them explains is cancelled: decide on all candidates first.
   */
  readonly held: readonly Pick<Decision, "moves" | "needs">[];
  /** `LedgerState.requests`. */
  readonly requests: readonly CandidateRun[];
  /** The snapshots that answer requests, by `CandidateRun.id` (`provenance.candidateRun`), whatever became of the request. */
  readonly answers: ReadonlyMap<string, CandidateAnswer>;
  /** The newest announced serial of a component that is not quarantined. */
  newest(component: string): number | undefined;
  /** Whether its team co-trains (`provenance.gating.cotrain` of the newest snapshot), and a set may move it. */
  cotrains(component: string): boolean;
  /** Whether the gate has measured these moves against the release, and screen rows say that they miss a margin. */
  isWorse(moves: Composition): boolean;
}

export interface CandidateAnswer {
  readonly serial: number;
  /** `unusable`: quarantined or deleted. */
  readonly state: "unjudged" | "usable" | "unusable";
}

/** An entry to append: a request, or with `state: cancelled` the end of one. */
export type CandidateRunPlan = Omit<CandidateRun, "version" | "pipeline" | "at">;

/**
 * Plans which requests to train on candidates to append to the ledger, in this order. Appending them and planning again gives
 * none. A candidate has one request a consumer at a time; consumers that read one another are asked one after the other, the
 * later ones with the retrained earlier ones among their pins; consumers of retrained consumers are asked once a held decision
 * on the set needs them.
 */
export function planCandidateRuns(input: CotrainingInput): readonly CandidateRunPlan[] {
  const live = liveDecisions(input).map((decision) => progressOf(decision, input));
  const kept = new Set(live.flatMap(({ ids }) => ids));
  const wanted = new Map(live.flatMap(({ requests }) => requests).map((request) => [request.id, request] as const));
  const plans: CandidateRunPlan[] = [];
  const open = new Set<string>();
  for (const { version: _v, pipeline: _p, at: _at, ...request } of input.requests) {
    const now = wanted.get(request.id);
    const isStale = now !== undefined && movesName(now.upstream) !== movesName(request.upstream);
    if (kept.has(request.id) && !isStale) open.add(request.id);
    else plans.push({ ...request, state: "cancelled", why: whyCancelled(request, isStale, input) });
  }
  return [...plans, ...[...wanted.values()].filter(({ id }) => !open.has(id))];
}

/**
 * The moves of held decisions whose attempts are spent, every retrained set measured and worse: the gate refuses them as
 * `self-defeating-after-retraining`.
 */
export function closedCandidates(input: CotrainingInput): readonly Composition[] {
  return liveDecisions(input)
    .filter((decision) => progressOf(decision, input).state === "closed")
    .map(({ moves }) => moves);
}

/** Candidates with all consumers retrained on them, each as one set of moves, that the gate has not measured against the release. */
export function retrainedSets(input: CotrainingInput): readonly Composition[] {
  const sets = liveDecisions(input).map((decision) => progressOf(decision, input).unmeasured);
  return sets.filter((set) => set !== undefined);
}

/** The id of a request. */
export function candidateRunId({
  candidate,
  consumer,
  attempt,
}: Pick<CandidateRun, "candidate" | "consumer" | "attempt">): string {
  return `${snapshotName(candidate)}:${consumer}:${attempt}`;
}

type HeldDecision = CotrainingInput["held"][number];

interface Progress {
  /**
   * `training`: a consumer is asked, or its answer has no verdict. `decided`: the retrained set is up to the gate, or to the next
   * level. `closed`, `spent`: no attempt is left; `spent` if no retrained set could be measured. `idle`: no consumer co-trains.
   */
  readonly state: "training" | "decided" | "closed" | "spent" | "idle";
  /** The requests that must be open. */
  readonly requests: readonly CandidateRunPlan[];
  /** All its requests so far, the answered ones too. */
  readonly ids: readonly string[];
  readonly unmeasured?: Composition;
}

/** Those whose candidate is newer than the release and the newest of its component. */
function liveDecisions(input: CotrainingInput): readonly HeldDecision[] {
  return input.held.filter(({ moves }) => {
    const candidates = Object.entries(moves).filter(([component, serial]) => !isAnswer(component, serial, input));
    // An answer alone has its say as part of the set that it was trained for.
    if (candidates.length === 0) return false;
    return candidates.every(
      ([component, serial]) => serial > released(component, input) && serial >= (input.newest(component) ?? 0),
    );
  });
}

/** One attempt after the other, from the first: which is under way, and what it waits for. */
function progressOf(decision: HeldDecision, input: CotrainingInput): Progress {
  const asked = consumersOf(decision, input);
  if (asked.length === 0) return { state: "idle", requests: [], ids: [] };
  const ids: string[] = [];
  let measured = 0;
  for (let attempt = 1; attempt <= MAX_CANDIDATE_ATTEMPTS; attempt++) {
    const round = roundOf(decision.moves, asked, attempt, input);
    ids.push(...round.ids);
    if (round.isSpent) continue;
    if (round.isTraining) return { state: "training", requests: round.requests, ids };
    if (isBelowOpen(round.set, input)) return { state: "decided", requests: [], ids };
    if (!input.isWorse(round.set)) return { state: "decided", requests: [], ids, unmeasured: round.set };
    measured += 1;
  }
  // The requests of a closed candidate have served.
  return measured > 0 ? { state: "closed", requests: [], ids: [] } : { state: "spent", requests: [], ids };
}

interface Round {
  readonly ids: readonly string[];
  readonly requests: readonly CandidateRunPlan[];
  /** A consumer has to train, or the gate has to decide on what it trained. */
  readonly isTraining: boolean;
  /** An answer cannot be used: quarantined, deleted, or not newer than the released snapshot. */
  readonly isSpent: boolean;
  /** The moves with the answers so far. */
  readonly set: Composition;
}

function roundOf(moves: Composition, asked: readonly string[], attempt: number, input: CotrainingInput): Round {
  const { pipeline, release } = input;
  const ids: string[] = [];
  const requests: CandidateRunPlan[] = [];
  const waiting = new Set<string>();
  const set: Record<string, number> = { ...moves };
  let isSpent = false;
  for (const consumer of asked) {
    const candidate = candidateFor(consumer, moves, pipeline);
    const id = candidateRunId({ candidate, consumer, attempt });
    ids.push(id);
    const answer = input.answers.get(id);
    if (answer !== undefined && answer.state !== "unjudged") {
      if (answer.state === "unusable" || answer.serial <= released(consumer, input)) isSpent = true;
      else set[consumer] = answer.serial;
      continue;
    }
    const above = ancestors(pipeline.components, consumer).map(({ name }) => name);
    const isBlocked = above.some((name) => waiting.has(name));
    waiting.add(consumer);
    if (answer !== undefined || isBlocked) continue;
    const upstream: Record<string, number> = {};
    for (const name of above) {
      const serial = set[name] ?? release.composition[name];
      if (serial !== undefined) upstream[name] = serial;
    }
    // Without a release of every ancestor, there is nothing to train on.
    if (Object.keys(upstream).length < above.length) continue;
    const why = `${movesName(moves)} needs ${consumer} retrained on it`;
    requests.push({
      entry: "candidate-run",
      id,
      state: "requested",
      candidate,
      consumer,
      attempt,
      release: release.number,
      upstream,
      why,
    });
  }
  return { ids, requests, isTraining: waiting.size > 0, isSpent, set };
}

/** The needed consumers whose teams co-train, in topological order. */
function consumersOf({ moves, needs }: HeldDecision, { pipeline, cotrains }: CotrainingInput): readonly string[] {
  return pipeline.components
    .map(({ name }) => name)
    .filter((name) => needs.includes(name) && moves[name] === undefined && cotrains(name));
}

/** Whether a retrained set is held for its own consumers, and their attempts are not over. */
function isBelowOpen(set: Composition, input: CotrainingInput): boolean {
  const below = liveDecisions(input).find(({ moves }) => movesName(moves) === movesName(set));
  if (below === undefined) return false;
  const { state } = progressOf(below, input);
  return state === "training" || state === "decided";
}

/** What a request names as its candidate: of the moves, the one nearest above the consumer. */
function candidateFor(consumer: string, moves: Composition, { components }: Pipeline): CandidateRun["candidate"] {
  const above = ancestors(components, consumer).filter(({ name }) => moves[name] !== undefined);
  const nearest = above.at(-1);
  if (nearest === undefined) throw new Error(`${consumer} does not depend on ${movesName(moves)}`);
  return { component: nearest.name, serial: moves[nearest.name] as number };
}

function whyCancelled(request: CandidateRunPlan, isStale: boolean, input: CotrainingInput): string {
  const { candidate, consumer } = request;
  const { component, serial } = candidate;
  const newest = input.newest(component);
  if (released(component, input) >= serial)
    return `release ${input.release.number} has moved past ${snapshotName(candidate)}`;
  if (isStale) return `release ${input.release.number} changes what ${consumer} is to train on`;
  if (!input.cotrains(consumer)) return `the team of ${consumer} does not co-train`;
  if (newest !== undefined && newest > serial && !isAnswer(component, serial, input)) {
    return `${snapshotName({ component, serial: newest })} is newer`;
  }
  return `${snapshotName(candidate)} no longer waits for ${consumer}`;
}

function released(component: string, { release }: CotrainingInput): number {
  return release.composition[component] ?? 0;
}

/** The consumer that a request's id names; undefined if it is no such id. */
export function consumerOf(id: string): string | undefined {
  return id.split(":")[1];
}

/** Whether a snapshot answers a request for its component. */
function isAnswer(component: string, serial: number, { answers }: CotrainingInput): boolean {
  for (const [id, answer] of answers) {
    if (answer.serial === serial && consumerOf(id) === component) return true;
  }
  return false;
}

import type { CoordinatorEvent, Effect, Outcome } from "../../services/trainer/coordinator/machine/events.ts";
import {
  type CoordinatorState,
  initialState,
  type JobSpec,
  type LeaseState,
  type UnitName,
  unitKey,
} from "../../services/trainer/coordinator/machine/state.ts";
import { transition } from "../../services/trainer/coordinator/machine/transition.ts";
import { checkEffects, checkState } from "./coordinator-invariants.ts";

/**
 * How a simulated worker behaves. `liar`: its units have a digest of their own. `slot`: it returns another slot's result.
 * `nan`: its results are not finite. `stranger`: it has no engine of the class. `different`: its probes have another digest,
 * and its units, too. `silent`: it beats and takes units, and never gets on with one. `deaf`: it beats, and does not ask once
 * it was admitted. `clumsy`: its bytes are damaged, or its runs fail.
 */
export type Behavior = "honest" | "liar" | "slot" | "nan" | "stranger" | "different" | "silent" | "deaf" | "clumsy";

export interface SimulationPlan {
  readonly slots: number;
  readonly rounds: number;
  readonly audit: number;
  /** Units that the trainer runs at a time; 0 if it cannot run them. */
  readonly local: number;
  /** Of the workers that there can be. Two neighbors may have one name. */
  readonly behaviors: readonly Behavior[];
}

export const CLASS = "wasm";
const SILENCE_MS = 5_000;
const STEPS = 10;
const JOB = "job";

type Undated<E> = E extends unknown ? Omit<E, "at"> : never;
type Message = Undated<CoordinatorEvent>;

interface SimulatedWorker {
  readonly name: string;
  readonly behavior: Behavior;
  readonly parallel: number;
  /** Its id, while its process runs and it has joined. */
  id: string | undefined;
  frozen: boolean;
  /** Kept over the trainer's restarts. */
  leases: LeaseState[];
  asking: string | undefined;
  work: number;
  probed: boolean;
}

/** A result that is a pure function of what its unit names. */
export function rightDigest({ job, slot, first, count, base }: UnitName): string {
  return hash(["result", job, slot, first, count, base].join());
}

/** FNV-1a, twice. */
function hash(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b);
  }
  return `${(a >>> 0).toString(16)}${(b >>> 0).toString(16)}`;
}

/** Trainer, network and workers around the coordinator's machine. Every choice is drawn from a list of numbers. */
export class Simulation {
  readonly plan: SimulationPlan;
  state: CoordinatorState;
  at = 0;
  /** The digest of the state of each round that was reached, [rounds + 1]. */
  readonly bases: string[] = ["start"];
  /** The results of the round, by slot. */
  results = new Map<number, string>();
  /** Units that ended since the trainer's last start. */
  finished = 0;
  readonly workers: SimulatedWorker[];
  /** Messages that are on their way to the coordinator. */
  network: Message[] = [];
  /** What the trainer itself has in work. */
  local: LeaseState[] = [];
  probing = false;
  /** Events in all. */
  events = 0;
  /** Sums of the counters over the trainer's restarts. */
  readonly totals: Record<string, number> = {};

  #incarnation = 1;
  #ids = 0;
  #checkpoint = 0;
  readonly #choices: readonly number[];
  #next = 0;

  constructor(plan: SimulationPlan, choices: readonly number[]) {
    this.plan = plan;
    this.#choices = choices;
    this.workers = plan.behaviors.map((behavior, index) => ({
      // Honest processes may share a name.
      name: behavior === "honest" ? `honest-${index >> 1}` : `${behavior}-${index}`,
      behavior,
      parallel: 1 + (index % 2),
      id: undefined,
      frozen: false,
      leases: [],
      asking: undefined,
      work: 0,
      probed: false,
    }));
    this.state = initialState({ incarnation: 1, silenceMs: SILENCE_MS });
    this.#openRound();
  }

  /** @returns the digest of the last round's state as it must be */
  static oracle({ slots, rounds }: SimulationPlan): string {
    let base = "start";
    for (let round = 0; round < rounds; round++) {
      const results = Array.from({ length: slots }, (_, slot) => rightDigest(unitOf(slot, round, base)));
      base = hash(results.join());
    }
    return base;
  }

  get round(): number {
    return this.bases.length - 1;
  }

  get done(): boolean {
    return this.round === this.plan.rounds;
  }

  /** Plays all choices, then lets everybody go on until the training is over. */
  play(): void {
    while (this.#next < this.#choices.length && !this.done) this.#act();
    this.#settle();
    this.#count();
  }

  #count(): void {
    for (const [name, count] of Object.entries(this.state.counters)) {
      this.totals[name] = (this.totals[name] ?? 0) + (count as number);
    }
  }

  /** A whole number below `limit`. Without choices left, 0. */
  #draw(limit: number): number {
    const choice = this.#choices[this.#next++] ?? 0;
    return limit <= 0 ? 0 : choice % limit;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.#draw(items.length)];
  }

  dispatch(message: Message): void {
    this.events++;
    const event = { ...message, at: this.at } as CoordinatorEvent;
    const before = this.state;
    const [after, effects] = transition(before, event);
    this.state = after;
    checkEffects(before, event, after, effects, this);
    for (const effect of effects) this.#take(effect);
    checkState(this);
    if (this.results.size === this.plan.slots) this.#fold();
  }

  #take(effect: Effect): void {
    switch (effect.type) {
      case "grant": {
        const worker = this.workers.find(({ asking }) => asking === effect.request);
        // A worker that died meanwhile never hears of its lease.
        if (worker === undefined) break;
        worker.asking = undefined;
        worker.leases.push(effect.lease);
        break;
      }
      case "reject": {
        const worker = this.workers.find(({ asking }) => asking === effect.request);
        if (worker !== undefined) this.#forget(worker);
        break;
      }
      case "dismiss": {
        const worker = this.workers.find(({ id }) => id === effect.worker);
        if (worker !== undefined) this.#forget(worker);
        break;
      }
      case "abandon": {
        const worker = this.workers.find(({ id }) => id === effect.worker);
        // Frozen ones do not hear of it.
        if (worker !== undefined && !worker.frozen) {
          worker.leases = worker.leases.filter(({ id }) => !effect.leases.includes(id));
        }
        break;
      }
      case "finished":
        this.results.set(slotOf(effect.unit), effect.digest);
        this.finished++;
        break;
      case "run":
        this.local.push(effect.lease);
        break;
      case "stop":
        this.local = this.local.filter(({ id }) => id !== effect.lease);
        break;
      case "run-probe":
        this.probing = true;
        break;
      case "failed":
        throw new Error(`a unit failed: ${effect.message}`);
      case "answer":
      case "note":
        break;
    }
  }

  #fold(): void {
    const folded = Array.from({ length: this.plan.slots }, (_, slot) => this.results.get(slot));
    this.bases.push(hash(folded.join()));
    this.results = new Map();
    if (this.#draw(3) === 0) this.#checkpoint = this.round;
    if (!this.done) this.#openUnits();
  }

  #openRound(): void {
    const { local, audit } = this.plan;
    const job: JobSpec = {
      job: JOB,
      program: "program",
      steps: this.plan.rounds * STEPS,
      initial: "start",
      pinned: CLASS,
      numerics: "exact",
      fallback: local > 0 ? "local" : "wait",
      audit,
      local,
    };
    this.dispatch({ type: "job-opened", job });
    this.#openUnits();
  }

  #openUnits(): void {
    const base = this.bases.at(-1) as string;
    // Results may come before the last unit of the round is open.
    const round = this.round;
    for (let slot = 0; slot < this.plan.slots; slot++) {
      if (round === this.round) this.dispatch({ type: "unit-opened", unit: unitOf(slot, round, base) });
    }
  }

  #act(): void {
    const worker = this.#pick(this.workers);
    switch (this.#draw(24)) {
      case 0:
      case 1:
        if (worker !== undefined) this.#join(worker);
        break;
      case 2:
        if (worker !== undefined) this.#kill(worker);
        break;
      case 3:
        if (worker !== undefined) worker.frozen = !worker.frozen;
        break;
      case 4:
        this.#pass(100 + this.#draw(6_000));
        break;
      case 5:
        if (this.#draw(5) === 0) this.#restart();
        break;
      case 6:
        // 0 -> 8 -> 0 -> 1
        if (this.#draw(3) > 0) for (const each of this.workers) this.#join(each);
        else for (const each of this.workers) this.#kill(each);
        break;
      case 7:
        if (worker?.id !== undefined && worker.leases.length > 0) {
          const lease = worker.leases.shift() as LeaseState;
          this.network.push({ type: "returned", worker: worker.id, lease: lease.id });
        }
        break;
      case 8:
        if (worker?.asking !== undefined) {
          const request = worker.asking;
          worker.asking = undefined;
          this.dispatch({ type: "stopped-asking", request });
        }
        break;
      case 9:
      case 10:
        this.#pass(this.#draw(900));
        this.#beat();
        break;
      case 11:
      case 12:
      case 13:
        for (const each of this.workers) this.#ask(each);
        break;
      case 14:
      case 15:
      case 16:
        if (worker !== undefined) this.#compute(worker);
        break;
      case 17:
        for (const each of this.workers) this.#compute(each);
        break;
      case 18:
      case 19:
        this.#runLocal();
        break;
      default:
        this.#deliver();
    }
  }

  #join(worker: SimulatedWorker): void {
    if (worker.id !== undefined || worker.frozen || this.state.quarantined.has(worker.name)) return;
    this.#ids++;
    worker.id = `w${this.#ids}`;
    worker.probed = false;
    const numerics = worker.behavior === "stranger" ? "onnx:cpu/x64" : CLASS;
    const who = {
      name: worker.name,
      host: "host",
      pid: this.#ids,
      codeVersion: "1",
      engines: [{ engine: numerics, numerics }],
      parallel: worker.parallel,
    };
    this.dispatch({ type: "joined", worker: worker.id, who });
  }

  /** SIGKILL: what it has sent still arrives. */
  #kill(worker: SimulatedWorker): void {
    const { id } = worker;
    this.#forget(worker);
    worker.leases = [];
    worker.frozen = false;
    if (id !== undefined) this.dispatch({ type: "left", worker: id });
  }

  /** It must join again. Units in work go on. */
  #forget(worker: SimulatedWorker): void {
    worker.id = undefined;
    worker.asking = undefined;
  }

  #ask(worker: SimulatedWorker): void {
    const { id, frozen, asking, leases, parallel, behavior, probed } = worker;
    if (id === undefined || frozen || asking !== undefined || leases.length >= 2 * parallel) return;
    if (behavior === "deaf" && probed) return;
    this.#ids++;
    worker.asking = `ask-${this.#ids}`;
    this.dispatch({ type: "asked", worker: id, request: worker.asking });
  }

  #beat(): void {
    for (const worker of this.workers) {
      if (worker.id === undefined || worker.frozen) continue;
      if (worker.behavior !== "silent") worker.work++;
      const units = worker.leases.map(({ id }) => ({ lease: id, work: worker.work }));
      this.dispatch({ type: "beat", worker: worker.id, units });
    }
  }

  /** A worker finishes a unit and sends it, perhaps twice. */
  #compute(worker: SimulatedWorker): void {
    const { id, frozen, behavior } = worker;
    if (id === undefined || frozen) return;
    const lease = worker.leases.find(({ kind }) => behavior !== "silent" || kind === "probe");
    if (lease === undefined) return;
    worker.leases = worker.leases.filter((other) => other !== lease);
    worker.probed = true;
    const { job, slot, first, count, base } = lease;
    const unit = { job, slot, first, count, base };
    const message: Message = {
      type: "submitted",
      worker: id,
      lease: lease.id,
      unit,
      outcome: this.#outcome(worker, lease, unit),
      seconds: 1,
      submission: "",
    };
    for (let copies = 1 + (this.#draw(4) === 0 ? 1 : 0); copies > 0; copies--) this.network.push(message);
    if (this.#draw(4) > 0) return;
    // A result that was computed from another state, and one of a round that is over.
    const astray = { ...unit, base: "elsewhere" };
    const outcome: Outcome = { kind: "result", digest: rightDigest(astray), finite: true };
    this.network.push({ ...message, unit: astray, outcome });
    const last = this.round - 1;
    if (last < 0) return;
    const over = unitOf(this.#draw(this.plan.slots), last, this.bases[last] as string);
    this.network.push({ ...message, unit: over, outcome: this.#outcome(worker, { ...lease, kind: "unit" }, over) });
  }

  #outcome({ name, behavior }: SimulatedWorker, { kind }: LeaseState, unit: UnitName): Outcome {
    const right: Outcome = { kind: "result", digest: rightDigest(unit), finite: true };
    if (behavior === "different") return { ...right, digest: hash(`different ${unitKey(unit)}`) };
    if (kind === "probe") return right;
    switch (behavior) {
      case "liar":
        return { ...right, digest: hash(`${name} ${unitKey(unit)}`) };
      case "slot":
        // Not the same one as its like: two that agree are believed.
        return { ...right, digest: rightDigest({ ...unit, slot: unit.slot + Number(name.split("-")[1]) }) };
      case "nan":
        return { kind: "result", digest: hash(`${name} nan`), finite: false };
      case "clumsy":
        return this.#draw(2) === 0
          ? { kind: "invalid", reason: "damaged" }
          : { kind: "failed", code: "unavailable", message: "no memory" };
      default:
        return right;
    }
  }

  #runLocal(): void {
    if (this.probing) {
      this.probing = false;
      const probe = { job: JOB, slot: 0, first: 0, count: Math.min(8, this.plan.rounds * STEPS), base: "start" };
      this.dispatch({
        type: "probed",
        job: JOB,
        outcome: { kind: "result", digest: rightDigest(probe), finite: true },
      });
      return;
    }
    const lease = this.#pick(this.local);
    if (lease === undefined) return;
    this.local = this.local.filter((other) => other !== lease);
    this.dispatch({
      type: "ran",
      lease: lease.id,
      outcome: { kind: "result", digest: rightDigest(lease), finite: true },
    });
  }

  /** In any order, and sometimes again. */
  #deliver(): void {
    const message = this.#pick(this.network);
    if (message === undefined) return;
    if (this.#draw(8) !== 0) this.network = this.network.filter((other) => other !== message);
    this.dispatch(message);
  }

  #pass(ms: number): void {
    this.at += ms;
    this.dispatch({ type: "tick" });
  }

  /** The trainer is killed and goes on from its checkpoint. Workers keep what they have in work. */
  #restart(): void {
    this.#count();
    this.#incarnation++;
    this.bases.length = this.#checkpoint + 1;
    this.results = new Map();
    this.finished = 0;
    this.local = [];
    this.probing = false;
    for (const worker of this.workers) this.#forget(worker);
    this.state = initialState({ incarnation: this.#incarnation, silenceMs: SILENCE_MS });
    this.#openRound();
  }

  /** Everybody goes on as they do, the trainer among them; without it, two honest workers stay up. */
  #settle(): void {
    for (let turn = 0; turn < 200 && !this.done; turn++) {
      const needed = this.plan.local > 0 ? 0 : 4;
      for (const worker of this.workers.slice(0, needed)) {
        worker.frozen = false;
        this.#join(worker);
      }
      this.#pass(900);
      this.#beat();
      for (const worker of this.workers) this.#ask(worker);
      for (const worker of this.workers) for (let i = 0; i < worker.parallel; i++) this.#compute(worker);
      while (this.network.length > 0 && !this.done) {
        const message = this.network.shift() as Message;
        this.dispatch(message);
      }
      for (let i = 0; i <= this.plan.local && !this.done; i++) this.#runLocal();
    }
    if (!this.done) throw new Error(`round ${this.round} of ${this.plan.rounds} does not end`);
  }
}

function unitOf(slot: number, round: number, base: string): UnitName {
  return { job: JOB, slot, first: round * STEPS, count: STEPS, base };
}

function slotOf(key: string): number {
  return Number(key.split(" ")[1]);
}

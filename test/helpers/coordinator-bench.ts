import type { JoiningWorker } from "../../services/rpc/services/coordinator-service.ts";
import type { CoordinatorEvent, Effect, Note, Outcome } from "../../services/trainer/coordinator/machine/events.ts";
import {
  type CoordinatorState,
  initialState,
  type JobSpec,
  type LeaseState,
  type UnitName,
} from "../../services/trainer/coordinator/machine/state.ts";
import { transition } from "../../services/trainer/coordinator/machine/transition.ts";

type Undated<E> = E extends unknown ? Omit<E, "at"> : never;

export const JOB: JobSpec = {
  job: "job",
  program: "program",
  steps: 100,
  initial: "start",
  pinned: "wasm",
  numerics: "exact",
  fallback: "local",
  audit: 0,
  local: 2,
};

export const right: Outcome = { kind: "result", digest: "right", finite: true };
export const wrong: Outcome = { kind: "result", digest: "wrong", finite: true };
export const notFinite: Outcome = { kind: "result", digest: "not finite", finite: false };

export function unitOf(slot: number, over: Partial<UnitName> = {}): UnitName {
  return { job: "job", slot, first: 0, count: 10, base: "start", ...over };
}

/** The machine with a clock of its own, and short words for what is usual in tests. */
export class CoordinatorBench {
  state: CoordinatorState = initialState({ incarnation: 7, silenceMs: 5_000 });
  at = 0;
  /** Of all events so far. */
  readonly effects: Effect[] = [];
  #requests = 0;

  constructor(job: Partial<JobSpec> = {}) {
    this.send({ type: "job-opened", job: { ...JOB, ...job } });
  }

  /** @returns its effects */
  send(event: Undated<CoordinatorEvent>): readonly Effect[] {
    const [state, effects] = transition(this.state, { ...event, at: this.at } as CoordinatorEvent);
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  /** Time passes, and workers beat if they are named. */
  pass(ms: number, ...beating: readonly string[]): readonly Effect[] {
    const before = this.effects.length;
    for (let left = ms; left > 0; left -= 500) {
      this.at += Math.min(500, left);
      for (const worker of beating) this.send({ type: "beat", worker, units: [] });
      this.send({ type: "tick" });
    }
    return this.effects.slice(before);
  }

  open(...slots: readonly number[]): void {
    for (const slot of slots) this.send({ type: "unit-opened", unit: unitOf(slot) });
  }

  join(worker: string, over: Partial<JoiningWorker> = {}): void {
    const engines = [{ engine: "wasm", numerics: "wasm" }];
    const who = { name: worker, host: "host", pid: 1, codeVersion: "1", engines, parallel: 1, ...over };
    this.send({ type: "joined", worker, who });
  }

  /** @returns the lease, if there is one at once */
  ask(worker: string): LeaseState | undefined {
    this.#requests++;
    const request = `request-${this.#requests}`;
    const granted = this.send({ type: "asked", worker, request }).find((effect) => effect.type === "grant");
    return granted?.lease;
  }

  /** Joins, and passes the probe. */
  admit(worker: string, over: Partial<JoiningWorker> = {}): void {
    this.join(worker, over);
    const probe = this.ask(worker);
    if (probe?.kind !== "probe") throw new Error(`${worker} got no probe`);
    this.submit(probe, right);
    if (this.state.jobs.get("job")?.reference.state === "asked")
      this.send({ type: "probed", job: "job", outcome: right });
  }

  /** Leases a unit, which must be there. */
  take(worker: string): LeaseState {
    const lease = this.ask(worker);
    if (lease?.kind !== "unit") throw new Error(`${worker} got ${lease?.kind ?? "nothing"}`);
    return lease;
  }

  /** @returns "fate: reason" or "fate" */
  submit(lease: LeaseState, outcome: Outcome = right, worker = lease.worker): string {
    const { job, slot, first, count, base } = lease;
    return this.submitUnit({ job, slot, first, count, base }, lease.id, worker, outcome);
  }

  submitUnit(unit: UnitName, lease: string, worker: string, outcome: Outcome = right): string {
    const effects = this.send({ type: "submitted", worker, lease, unit, outcome, seconds: 1, submission: "s" });
    const answer = effects.find((effect) => effect.type === "answer");
    if (answer === undefined) throw new Error("no answer");
    return answer.reason === "" ? answer.fate : `${answer.fate}: ${answer.reason}`;
  }

  /** The trainer ends the first of its runs. */
  run(outcome: Outcome = right): void {
    const [lease] = this.local();
    if (lease === undefined) throw new Error("the trainer runs nothing");
    this.send({ type: "ran", lease: lease.id, outcome });
  }

  /** What the trainer runs. */
  local(): readonly LeaseState[] {
    return [...this.state.leases.values()].filter(({ worker, held }) => worker === "trainer" && !held);
  }

  /** "slot digest" of the units that ended, in order. */
  finished(): readonly string[] {
    return this.effects.flatMap((effect) =>
      effect.type === "finished" ? [`${effect.unit.split(" ")[1]} ${effect.digest}`] : [],
    );
  }

  notes(): readonly Note[] {
    return this.effects.flatMap((effect) => (effect.type === "note" ? [effect.note] : []));
  }

  /** Counters that are not zero. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.state.counters).filter(([, count]) => count !== 0));
  }
}

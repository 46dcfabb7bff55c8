import type { JoiningWorker } from "../../../rpc/services/coordinator-service.ts";

/**
 * Everything that the coordinator knows of jobs, units, workers and leases, as a value. Times are milliseconds of one
 * monotonic clock. Bytes are not in it: results are known by their digest.
 */
export interface CoordinatorState {
  readonly settings: MachineSettings;
  /** By id. Workers that have left stay for a while: a result of theirs may still arrive. */
  readonly workers: ReadonlyMap<string, WorkerState>;
  /** Open jobs by digest. */
  readonly jobs: ReadonlyMap<string, JobState>;
  /** Open units by `unitKey`, in the order in which they were opened. */
  readonly units: ReadonlyMap<string, UnitState>;
  /** Leases that are in flight, by id. */
  readonly leases: ReadonlyMap<string, LeaseState>;
  /** Workers that wait for a unit, by request, in the order in which they asked. */
  readonly requests: ReadonlyMap<string, string>;
  /** Names of workers that returned a wrong result, with the evidence. */
  readonly quarantined: ReadonlyMap<string, Evidence>;
  /** Names of workers that contradicted an unproven result or were contradicted, with the units still to be confirmed. */
  readonly suspects: ReadonlyMap<string, number>;
  readonly counters: Counters;
  /** Leases granted, of units and of probes. */
  readonly granted: number;
}

export interface MachineSettings {
  /** Counts the trainer's starts. Lease ids begin with it. */
  readonly incarnation: number;
  /** A worker without beats, or a unit without progress, for this long is given up. */
  readonly silenceMs: number;
}

/** The executor inside the trainer, where a worker's id or name is expected. No worker has this id. */
export const LOCAL = "trainer";

export interface WorkerState {
  readonly id: string;
  readonly who: JoiningWorker;
  readonly present: boolean;
  readonly joinedAt: number;
  readonly beatAt: number;
  /** When it last asked for a unit, stopped asking, or brought one. */
  readonly activeAt: number;
  /** Units in a row that it did not finish. */
  readonly failures: number;
  /** It gets no units before. */
  readonly pausedUntil: number;
  /** By `admissionKey`. */
  readonly admissions: ReadonlyMap<string, Admission>;
  /** Units whose result was accepted. */
  readonly unitsDone: number;
  /** Steps per second of its latest units. */
  readonly rates: readonly number[];
}

/**
 * Whether a worker may run units of a program in a numerics class. `probed`: its probe has this digest, which waits for
 * something to be compared with.
 */
export type Admission =
  | { readonly state: "probing"; readonly job: string; readonly earlier?: string }
  | { readonly state: "probed"; readonly job: string; readonly digest: string }
  | { readonly state: "admitted"; readonly engine: string }
  | { readonly state: "refused" };

export interface JobSpec {
  /** SHA-256 of the job. */
  readonly job: string;
  /** SHA-256 of the program. */
  readonly program: string;
  readonly steps: number;
  /** Digest of the state at step 0. */
  readonly initial: string;
  /** The pinned numerics class. */
  readonly pinned: string;
  readonly numerics: "exact" | "tolerant";
  readonly fallback: "local" | "wait";
  /** Share of the units that are run twice, in [0, 1]. Not in `tolerant` jobs, whose digests may differ. */
  readonly audit: number;
  /** Units that the trainer runs at a time; 0 if it cannot run them. */
  readonly local: number;
}

export interface JobState extends JobSpec {
  /** The digest of a right probe. `asked`: the trainer is running it. */
  readonly reference: { readonly state: "none" | "asked" } | { readonly state: "known"; readonly digest: string };
  /** The latest units that are over. */
  readonly finished: readonly FinishedUnit[];
  /** Milliseconds per step of the latest units. */
  readonly paces: readonly number[];
}

export interface FinishedUnit {
  readonly key: string;
  readonly digest: string;
  readonly finite: boolean;
  /** Name of the executor. */
  readonly by: string;
  /** The trainer computed it, or two executors agreed. */
  readonly proven: boolean;
}

/** What a result must name to count. */
export interface UnitName {
  readonly job: string;
  readonly slot: number;
  readonly first: number;
  readonly count: number;
  /** Digest of the state at the start. */
  readonly base: string;
}

export interface UnitState extends UnitName {
  readonly key: string;
  /** It is one of those that are run twice. */
  readonly audited: boolean;
  /** Valid results that wait for a further one, in the order in which they came. */
  readonly results: readonly HeldResult[];
}

export interface HeldResult {
  readonly lease: string;
  readonly name: string;
  /** Of the state at the end and the losses. */
  readonly digest: string;
  readonly finite: boolean;
}

export interface LeaseState extends UnitName {
  readonly id: string;
  readonly kind: "unit" | "probe";
  /** `unitKey`. */
  readonly unit: string;
  /** Id, or `LOCAL`. */
  readonly worker: string;
  /** Name, or `LOCAL`. */
  readonly name: string;
  readonly engine: string;
  readonly grantedAt: number;
  /** When its work last grew. */
  readonly progressAt: number;
  readonly work: number;
  /** Its result is there and waits for a further one. */
  readonly held: boolean;
}

export interface Evidence {
  readonly unit: UnitName;
  readonly expected: string;
  readonly got: string;
}

/** How a lease can end. */
export type Fate = "applied" | "duplicate" | "stale" | "refused" | "lost" | "returned";

/** `leased` = the sum of all fates + the unit leases in flight, after every event. Probes are not among them. */
export interface Counters extends Readonly<Record<Fate, number>> {
  readonly leased: number;
  /** Units that were compared with a second run. */
  readonly audits: number;
  /** Units with two digests. */
  readonly mismatches: number;
  readonly quarantined: number;
  /** Workers not admitted to a program because they have no engine of its class. */
  readonly refusedByClass: number;
  /** Workers not admitted to a program because of their probe. */
  readonly refusedByProbe: number;
}

export function initialState(settings: MachineSettings): CoordinatorState {
  return {
    settings,
    workers: new Map(),
    jobs: new Map(),
    units: new Map(),
    leases: new Map(),
    requests: new Map(),
    quarantined: new Map(),
    suspects: new Map(),
    counters: {
      leased: 0,
      applied: 0,
      duplicate: 0,
      stale: 0,
      refused: 0,
      lost: 0,
      returned: 0,
      audits: 0,
      mismatches: 0,
      quarantined: 0,
      refusedByClass: 0,
      refusedByProbe: 0,
    },
    granted: 0,
  };
}

export function unitKey({ job, slot, first, count, base }: UnitName): string {
  return `${job} ${slot} ${first} ${count} ${base}`;
}

/** Jobs of one key admit the same workers. */
export function admissionKey({ program, pinned, numerics }: JobSpec): string {
  return `${program} ${pinned} ${numerics}`;
}

/** Unit leases in flight. */
export function inFlight(state: CoordinatorState): number {
  let count = 0;
  for (const lease of state.leases.values()) if (lease.kind === "unit") count++;
  return count;
}

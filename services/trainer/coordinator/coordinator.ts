import type { Clock } from "../../common/clock/clock.ts";
import type { UnitRunner } from "../../learning/units/unit.ts";
import type { CoordinatorService } from "../../rpc/services/coordinator-service.ts";
import type { Note } from "./machine/events.ts";
import type { Counters } from "./machine/state.ts";

export interface CoordinatorSettings {
  readonly pipeline: string;
  readonly component: string;
  /** Workers of another version are refused. */
  readonly codeVersion: string;
  /** Counts the trainer's starts. */
  readonly incarnation: number;
  /** Whether the team's file has workers. Without, all are refused. */
  readonly enabled: boolean;
  /** Milliseconds between a worker's beats. Default: 1,000. */
  readonly beatMs?: number;
  /** Milliseconds without a beat, or without progress of a unit, after which it is given to another. Default: 5,000. */
  readonly silenceMs?: number;
}

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly observer: CoordinatorObserver;
  /** Units that the trainer runs at a time on `wasm`. Default: the processors of this machine. */
  readonly cpus?: number;
  /** Default: none beside the processors. */
  readonly limits?: UnitLimits;
}

/** What the units that a trainer runs itself may take of its memory. */
export interface UnitLimits {
  /** Most units at a time on `wasm`. */
  readonly units: number;
  /** As `UnitExecutorDeps.idleBytes`. */
  readonly idleBytes: number;
}

/** Hears of what happens, for logs and metrics. */
export interface CoordinatorObserver {
  /** For the log; each is told once. */
  note(note: Note): void;
  /** A unit was run, here or by a worker, and its result was valid. */
  ran(unit: RanUnit): void;
  /** Bytes were handed to a worker, or taken from it. @param seconds of the transfer; workers measure those of what they fetch */
  exchanged(direction: "sent" | "received", bytes: number, seconds?: number): void;
}

export interface RanUnit {
  readonly by: "trainer" | "worker";
  /** Seconds that it computed. */
  readonly seconds: number;
  /** Seconds from its lease to its result beyond these: fetching, sending, waiting. */
  readonly overheadSeconds: number;
}

/** What is true at one moment, so that `leased` equals the sum of the fates and `inFlight`. */
export interface CoordinatorMetrics {
  readonly counters: Counters;
  /** Units leased that have no fate yet. */
  readonly inFlight: number;
  /** Units that are to be run and that nobody runs. */
  readonly waiting: number;
  /** Workers that are present. */
  readonly present: number;
}

/**
 * Hands the units of the trainer's trainings out to workers, checks what they bring, and runs units itself where no worker
 * does.
 */
export interface Coordinator extends UnitRunner, CoordinatorService {
  metrics(): CoordinatorMetrics;
  /** What a training waits for, as a phrase: "a worker of ..."; undefined unless a unit has nobody who may run it. */
  waitingFor(): string | undefined;
  /** Ends all calls and frees the engines. Units that are open are cancelled. */
  close(): Promise<void>;
}

/** `starting`: loading data and starting the engine. `running`: accepting runs. `stopping`: until the process exits. */
export type TrainerPhase = "starting" | "running" | "stopping";

/** A trainer's state, as its service reports it. */
export interface TrainerState {
  phase(): TrainerPhase;
  /** The engine of the latest training, as manifests record it: `onnx:cpu`. Before the first one, `Engine.name`. */
  engine(): string;
  /** Why the latest start failed, or the state folder was lost; undefined once it runs. */
  problem(): string | undefined;
}

/** The state as the lifecycle changes it. */
export interface MutableTrainerState extends TrainerState {
  enter(phase: TrainerPhase): void;
  engineStarted(name: string): void;
  failed(problem: string): void;
}

/** @param engine the configured choice */
export function createTrainerState(engine: string): MutableTrainerState {
  let phase: TrainerPhase = "starting";
  let name = engine;
  let problem: string | undefined;
  return {
    phase: () => phase,
    engine: () => name,
    problem: () => problem,
    enter(next) {
      phase = next;
      if (next === "running") problem = undefined;
    },
    failed(why) {
      problem = why;
    },
    engineStarted(started) {
      name = started;
    },
  };
}

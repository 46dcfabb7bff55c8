/** `starting`: loading data and starting the engine. `running`: accepting runs. `stopping`: until the process exits. */
export type TrainerPhase = "starting" | "running" | "stopping";

/** A trainer's state, as its service reports it. */
export interface TrainerState {
  phase(): TrainerPhase;
  /** The engine of the latest training, as manifests record it: `onnx:cpu`. Before the first one, `Engine.name`. */
  engine(): string;
}

/** The state as the lifecycle changes it. */
export interface MutableTrainerState extends TrainerState {
  enter(phase: TrainerPhase): void;
  engineStarted(name: string): void;
}

/** @param engine the configured choice */
export function createTrainerState(engine: string): MutableTrainerState {
  let phase: TrainerPhase = "starting";
  let name = engine;
  return {
    phase: () => phase,
    engine: () => name,
    enter(next) {
      phase = next;
    },
    engineStarted(started) {
      name = started;
    },
  };
}

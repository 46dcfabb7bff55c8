/** `starting`: locking, loading data, starting the engine. `running`: accepts runs. `stopping`: until the process ends. */
export type TrainerPhase = "starting" | "running" | "stopping";

/** What a trainer reports about itself. */
export interface TrainerState {
  phase(): TrainerPhase;
  /** The engine's name as manifests record it: `onnx:cpu`. Until the engine has started, the configured choice. */
  engine(): string;
}

/** The lifecycle's side of the state. */
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

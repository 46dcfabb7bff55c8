import { type ChosenEngine, chooseEngine, type EngineDeps } from "../engine/choose-engine.ts";
import type { Engine } from "../engine/interface/engine.ts";
import type { EngineChoice } from "../pipeline/team.ts";

/** The engines of a process. Each is created once; what failed is tried again by the next call. */
export interface Engines {
  /** As `chooseEngine`: loads nothing. */
  choose(choice: EngineChoice): Promise<ChosenEngine>;
  /** As `createEngine`: loads what the engine needs, which takes about a second and tens of MiB. */
  open(choice: EngineChoice): Promise<Engine>;
}

export function createEngines(deps: EngineDeps): Engines {
  const choose = once((choice: EngineChoice) => chooseEngine(choice, deps));
  const open = once(async (choice: EngineChoice) => {
    const { name, reason } = await choose(choice);
    const { engineNamed } = await import("../engine/create-engine.ts");
    return engineNamed(name, deps.clock, reason);
  });
  return { choose, open };
}

function once<T>(make: (choice: EngineChoice) => Promise<T>): (choice: EngineChoice) => Promise<T> {
  const made = new Map<EngineChoice, Promise<T>>();
  return (choice) => {
    const known = made.get(choice);
    if (known !== undefined) return known;
    const making = make(choice).catch((thrown: unknown) => {
      made.delete(choice);
      throw thrown;
    });
    made.set(choice, making);
    return making;
  };
}

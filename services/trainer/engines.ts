import type { Engine } from "../engine/interface/engine.ts";
import type { EngineChoice } from "../pipeline/team.ts";

/** The engine of a choice. Starts each engine once; a failed start is tried again by the next call. */
export type Engines = (choice: EngineChoice) => Promise<Engine>;

/** @param override the engine to use whatever is asked for */
export function createEngines(createEngine: Engines, override: EngineChoice | undefined): Engines {
  const engines = new Map<EngineChoice, Promise<Engine>>();
  return (asked) => {
    const choice = override ?? asked;
    const known = engines.get(choice);
    if (known !== undefined) return known;
    const engine = createEngine(choice).catch((thrown: unknown) => {
      engines.delete(choice);
      throw thrown;
    });
    engines.set(choice, engine);
    return engine;
  };
}

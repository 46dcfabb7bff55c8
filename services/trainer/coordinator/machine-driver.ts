import type { Clock } from "../../common/clock/clock.ts";
import type { CoordinatorEvent, Effect } from "./machine/events.ts";
import { type CoordinatorState, initialState, type MachineSettings } from "./machine/state.ts";
import { transition } from "./machine/transition.ts";

type Undated<E> = E extends unknown ? Omit<E, "at"> : never;

/** Keeps the coordinator's state and has its effects done. */
export interface MachineDriver {
  readonly state: CoordinatorState;
  /** Returns when all effects were handled, those of events that followed among them. */
  dispatch(event: Undated<CoordinatorEvent>): void;
}

/** @param handle does an effect, or begins to; it may dispatch */
export function createMachineDriver(
  settings: MachineSettings,
  clock: Clock,
  handle: (effect: Effect) => void,
): MachineDriver {
  let state = initialState(settings);
  const effects: Effect[] = [];
  let handling = false;
  return {
    get state() {
      return state;
    },
    dispatch(event) {
      const [next, following] = transition(state, { ...event, at: clock.elapsed() });
      state = next;
      effects.push(...following);
      if (handling) return;
      handling = true;
      try {
        for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) handle(effect);
      } finally {
        handling = false;
      }
    },
  };
}

import type { Effect, Note } from "./events.ts";
import type { CoordinatorState, Counters, Fate } from "./state.ts";

/** A transition in the making. Values are replaced, never changed: the state that it began with stays as it was. */
export interface Change {
  /** Of the event. */
  readonly at: number;
  state: CoordinatorState;
  readonly effects: Effect[];
  /** How leases have ended, by id. */
  readonly fates: Map<string, Fate>;
}

type Collection = "workers" | "jobs" | "units" | "leases" | "requests" | "quarantined" | "suspects";
type ValueOf<C extends Collection> = CoordinatorState[C] extends ReadonlyMap<string, infer V> ? V : never;

export function beginChange(state: CoordinatorState, at: number): Change {
  return { at, state, effects: [], fates: new Map() };
}

/** Adds an entry, or replaces it at its place in the order. */
export function put<C extends Collection>(change: Change, collection: C, id: string, value: ValueOf<C>): void {
  const entries = new Map<string, unknown>(change.state[collection]);
  entries.set(id, value);
  change.state = { ...change.state, [collection]: entries };
}

export function drop(change: Change, collection: Collection, id: string): void {
  if (!change.state[collection].has(id)) return;
  const entries = new Map<string, unknown>(change.state[collection]);
  entries.delete(id);
  change.state = { ...change.state, [collection]: entries };
}

export function count(change: Change, counter: keyof Counters): void {
  const { counters } = change.state;
  change.state = { ...change.state, counters: { ...counters, [counter]: counters[counter] + 1 } };
}

export function tell(change: Change, note: Note): void {
  change.effects.push({ type: "note", note });
}

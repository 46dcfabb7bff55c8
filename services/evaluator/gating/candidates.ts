import type { SnapshotHistory } from "../../composition/snapshot-history.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { SnapshotId } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Decision, DecisionReason, Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { namesOf } from "../../registry/retention.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";

/** What a gate compares with before the first release. */
export const NO_RELEASE: Pick<Release, "number" | "composition" | "pinned"> = {
  number: 0,
  composition: {},
  pinned: [],
};

/** What is in use, without components that the pipeline file no longer has. */
export function releasedNow(pipeline: Pipeline, state: Pick<LedgerState, "release">): typeof NO_RELEASE {
  const { number, composition, pinned } = state.release() ?? NO_RELEASE;
  const known = pipeline.components.flatMap(({ name }): [string, number][] =>
    composition[name] === undefined ? [] : [[name, composition[name]]],
  );
  return { number, composition: Object.fromEntries(known), pinned };
}

/**
 * The snapshots of a component that a gate may promote: judged, sound, and newer than the released one; the newest `retained`.
 * @returns ascending
 */
export function newerThanReleased(
  component: string,
  released: Composition,
  history: Pick<SnapshotHistory, "usable">,
  retained: number,
): readonly number[] {
  const serials = history.usable(component).newest(retained, Number.POSITIVE_INFINITY);
  return serials.filter((serial) => serial > (released[component] ?? 0));
}

/** The candidates of all components, in the order of announcement. */
export function candidatesOf(
  { components }: Pick<Pipeline, "components">,
  released: Composition,
  history: Pick<SnapshotHistory, "usable">,
  retained: number,
): readonly SnapshotId[] {
  const placed = components.flatMap(({ name: component }) =>
    newerThanReleased(component, released, history, retained).map((serial) => ({
      component,
      serial,
      position: history.usable(component).positionOf(serial) ?? 0,
    })),
  );
  return placed.sort((a, b) => a.position - b.position).map(({ component, serial }) => ({ component, serial }));
}

/** What else than measurements stands in the way of a promotion. */
export interface Obstacles {
  readonly gate: Pick<GatePolicy, "hold">;
  readonly pinned: readonly string[];
  /** Whether a freeze is in force. */
  readonly isFrozen: boolean;
  readonly state: Pick<LedgerState, "orderOn" | "isUnconfirmed">;
  /** Of the release, and of the held-out rows. */
  readonly released: Composition;
  readonly generation: number;
}

/** The reasons that forbid asking about moves, in the order in which people should read them. */
export function forbiddenReasons(moves: Composition, obstacles: Obstacles): readonly DecisionReason[] {
  const { gate, pinned, isFrozen, state, released, generation } = obstacles;
  const orders = namesOf(moves).map((snapshot) => state.orderOn(snapshot)?.verb);
  const components = Object.keys(moves);
  const found: readonly (readonly [DecisionReason, boolean])[] = [
    ["freeze", isFrozen],
    ["pinned", components.some((name) => pinned.includes(name))],
    ["manual", components.some((name) => gate.hold.includes(name))],
    ["refused-by-person", orders.includes("refuse")],
    ["held-by-person", orders.includes("hold")],
    ["not-confirmed", state.isUnconfirmed({ ...released, ...moves }, generation)],
  ];
  return found.filter(([, is]) => is).map(([reason]) => reason);
}

/** Reasons that go away by themselves or by a person, without another release. */
const LIFTED: readonly DecisionReason[] = ["freeze", "pinned", "manual", "refused-by-person", "held-by-person"];
const BY_PERSON: readonly DecisionReason[] = ["refused-by-person", "held-by-person"];

/** The moment that a decision must belong to. */
export interface Moment extends Pick<Decision, "release" | "gate" | "generation" | "mode"> {
  readonly forbidden: readonly DecisionReason[];
  /** Whether rows are left that may be asked. */
  readonly canAsk: boolean;
}

/**
 * Whether a decision still holds: against this release, by this gate, on these rows, and nothing that it was held for has been
 * lifted. A person's new order is written down as well; other new obstacles change nothing about a snapshot that is not promoted.
 */
export function isInForce(decision: Decision, moment: Moment): boolean {
  const { release, gate, generation, mode, reasons } = decision;
  if (decision.decision === "void") return false;
  if (release !== moment.release || gate !== moment.gate || generation !== moment.generation || mode !== moment.mode) {
    return false;
  }
  if (moment.canAsk && reasons.includes("spent")) return false;
  const { forbidden } = moment;
  if (LIFTED.some((reason) => reasons.includes(reason) && !forbidden.includes(reason))) return false;
  return !BY_PERSON.some((reason) => forbidden.includes(reason) && !reasons.includes(reason));
}

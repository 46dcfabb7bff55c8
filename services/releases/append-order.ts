import { type Clock, timestamp } from "../common/clock/clock.ts";
import type { SnapshotId } from "../pipeline/manifest.ts";
import type { Order } from "../pipeline/release.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { LedgerState } from "./ledger-state.ts";
import { readLedger } from "./read-ledger.ts";

export interface OrderLog {
  readonly backplane: Pick<Backplane, "ledger">;
  readonly pipeline: string;
  readonly clock: Pick<Clock, "now">;
}

/** A person, and why they do it. Under a gate that enforces, a reason is required. */
export interface Person {
  readonly by: string;
  readonly reason: string | null;
}

type NewOrder = Pick<Order, "verb" | "snapshots" | "generation">;

/**
 * Appends an order that the newest orders allow. Where another order comes first, decides again.
 * @param decide throws if what the ledger says forbids it
 */
export async function appendOrder(
  { backplane, pipeline, clock }: OrderLog,
  { by, reason }: Person,
  decide: (state: LedgerState) => NewOrder | Promise<NewOrder>,
): Promise<Order> {
  const { ledger } = backplane;
  for (;;) {
    const after = await ledger.endOf("order");
    const { state } = await readLedger(ledger);
    const wanted = await decide(state);
    const order: Order = { version: 1, entry: "order", pipeline, at: timestamp(clock), ...wanted, by, reason };
    if ((await ledger.append(order, after)) !== undefined) return order;
  }
}

/**
 * Holds those of the snapshots that no order is about.
 * @returns which those are
 */
export async function holdOthers(
  log: OrderLog,
  snapshots: readonly SnapshotId[],
  person: Person,
): Promise<readonly SnapshotId[]> {
  const { state } = await readLedger(log.backplane.ledger);
  const free = snapshots.filter((snapshot) => state.orderOn(snapshot) === undefined);
  if (free.length > 0) await appendOrder(log, person, () => ({ verb: "hold", snapshots: free }));
  return free;
}

/** Lifts what `holdOthers` has held. */
export async function lift(log: OrderLog, snapshots: readonly SnapshotId[], person: Person): Promise<void> {
  if (snapshots.length > 0) await appendOrder(log, person, () => ({ verb: "resume", snapshots }));
}

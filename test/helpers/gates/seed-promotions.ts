import { createRandom } from "../../../services/data/random/random.ts";
import type { GatePolicy } from "../../../services/pipeline/gate.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import type { GateRows } from "../../../services/releases/gate-rows.ts";
import { plantedRows } from "../planted-rows.ts";
import { runUpdates } from "./run-updates.ts";
import type { SeedSnapshots } from "./seed-snapshots.ts";

/** A pipeline's life on one draw of held-out rows. */
export interface SeedPromotions {
  readonly questions: number;
  readonly promotions: readonly {
    readonly from: Composition;
    readonly to: Composition;
    /** On 1,000,000 other rows: the new release's loss minus that of the one before, as a fraction of the latter. */
    readonly change: number;
  }[];
}

/** Rows of the parts of 10,000 held-out rows, by the default split; nobody asks the reserve. */
const SCREEN_ROWS = 5_000;
const CONFIRM_ROWS = 3_000;

/** @param draw equal numbers give equal rows */
export function drawParts(snapshots: SeedSnapshots, draw: number): Readonly<Record<"screen" | "confirm", GateRows>> {
  const rowsOf = (part: "screen" | "confirm", rows: number) => {
    const drawn = snapshots.drawRows(rows, `${part}/${draw}`);
    return plantedRows({ part, rowLosses: (_, composition) => drawn.losses(composition) });
  };
  return { screen: rowsOf("screen", SCREEN_ROWS), confirm: rowsOf("confirm", CONFIRM_ROWS) };
}

/** Sends snapshots that differ by seed through a gate, in an order of its own for each draw of held-out rows. */
export async function seedPromotions(
  snapshots: SeedSnapshots,
  gate: GatePolicy,
  { screen, confirm }: ReturnType<typeof drawParts>,
  draw: number,
): Promise<SeedPromotions> {
  const { pipeline, count } = snapshots;
  // The first snapshot of each is released; m1@2 to m1@count and m2@2 to m2@count arrive.
  const order = createRandom(draw, "order").permutation(2 * (count - 1));
  const run = await runUpdates({
    pipeline,
    gate,
    screen,
    confirm,
    start: { m1: 1, m2: 1 },
    updates: order.length,
    update(k) {
      const at = order[k] as number;
      return at < count - 1 ? { m1: at + 2 } : { m2: at - count + 3 };
    },
  });
  const promotions: SeedPromotions["promotions"][number][] = [];
  for (const { from, to } of run.promotions) {
    const before = await snapshots.trueLoss(from);
    promotions.push({ from, to, change: (await snapshots.trueLoss(to)) / before - 1 });
  }
  return { questions: run.questions, promotions };
}

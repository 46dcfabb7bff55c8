import type { GatePolicy } from "../../pipeline/gate.ts";
import type { LossMeter } from "./loss-meter.ts";
import { gateLevel, measureMargin, testMargin } from "./margin-test.ts";
import type { Question } from "./questions.ts";

/**
 * Asks the confirm rows, at the gate's level. All questions must hold, so the level is not divided among them.
 *
 * @param meter of the confirm rows
 * @returns one bit per question, in order; all that anybody learns of these rows
 */
export async function confirmed(
  questions: readonly Question[],
  meter: LossMeter,
  { gate, seed }: { readonly gate: GatePolicy; readonly seed: number },
): Promise<readonly boolean[]> {
  const bits: boolean[] = [];
  for (const question of questions) {
    if (question.isUnaffected) {
      bits.push(true);
      continue;
    }
    const pair = await question.pair(meter);
    const sample = pair && (await measureMargin(pair, question.margin, seed));
    bits.push(sample !== undefined && testMargin(sample, gateLevel(gate.horizon)).isShownBelow);
  }
  return bits;
}

import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Criterion } from "../../pipeline/release.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import type { LossMeter } from "./loss-meter.ts";
import { gateLevel, measureMargin, testMargin } from "./margin-test.ts";
import type { Question } from "./questions.ts";

/**
 * The skewness of the confirm rows is not that of the screen rows. With so many times the units that are needed, a question is
 * rarely spent on rows that turn out to be too few.
 */
const RESERVE = 1.5;

/** What screen rows answer to a question. */
export interface Answer {
  readonly question: Question;
  /** At 95 %. */
  readonly difference: Criterion["difference"];
  readonly interval: Criterion["interval"];
  /** Screen rows promise it. */
  readonly screened: boolean;
  /** The losses cannot be measured, or one is not finite. */
  readonly isMissing: boolean;
  /** The screen rows that the gate's level needs, if there are fewer. */
  readonly rowsNeeded: number | null;
  /** Of a measure: shown to be worse by more than the gate's margin. */
  readonly isWorse: boolean;
}

/**
 * Answers a question from screen rows. They promise it if the estimate is below the margin, and if as many as
 * the confirm rows would be enough at the gate's level: those could not show it otherwise.
 */
export async function answerOf(
  question: Question,
  meter: LossMeter,
  { gate, seed }: { readonly gate: GatePolicy; readonly seed: number },
): Promise<Answer> {
  const found = { question, isMissing: false, rowsNeeded: null, isWorse: false };
  if (question.isUnaffected) return { ...found, difference: 0, interval: [0, 0], screened: true };
  const pair = await question.pair(meter);
  const sample = pair && (await measureMargin(pair, question.margin, seed));
  if (pair === undefined || sample === undefined) {
    return { ...found, difference: null, interval: null, screened: false, isMissing: true };
  }
  const { difference, interval, isBelow } = testMargin(sample, CONFIDENCE_LEVEL);
  const [screen, confirm] = gate.split;
  const { rowsNeeded } = testMargin(sample, gateLevel(gate.horizon), Math.min(1, confirm / screen) / RESERVE);
  const beyond = question.isMeasure ? await measureMargin(pair, gate.margin, seed) : undefined;
  return {
    ...found,
    difference,
    interval,
    screened: isBelow && rowsNeeded === null,
    rowsNeeded,
    isWorse: beyond !== undefined && testMargin(beyond, CONFIDENCE_LEVEL).isShownAbove,
  };
}

/** @param bit of the confirm rows; null if they were not asked */
export function criterionOf({ question, difference, interval, screened }: Answer, bit: boolean | null): Criterion {
  const { name, subject, margin } = question;
  return { name, ...(subject !== undefined && { subject }), difference, interval, margin, screened, confirmed: bit };
}

import { square } from "../../common/elementary.ts";
import { gaussianQuantile } from "../../common/gaussian-quantile.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Decision } from "../../pipeline/release.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import { gateLevel } from "./margin-test.ts";

const POWER = 0.8;
/** Newer updates say more about the next one. */
const NEWEST = 20;

export interface ResolutionInput {
  readonly gate: GatePolicy;
  /** Decisions on the generation, oldest first. */
  readonly decisions: readonly Pick<Decision, "criteria">[];
  /** Rows of the screen part, which verdicts and decisions are about. */
  readonly screenRows: number;
  /** Questions that the rows asked now have answered in this generation. */
  readonly questions: number;
}

/** What the confirm rows of a gate can tell apart. Effects are fractions of the release's loss. */
export interface Resolution {
  /** Of the gate's intervals. */
  readonly level: number;
  /** About: the share that the split gives them. */
  readonly confirmRows: number;
  /** The smallest change that the confirm rows show with a probability of 80 %; null without a measured update. */
  readonly detectable: number | null;
  /** Held-out rows, of all parts, with which that is the margin; null without a margin or a measured update. */
  readonly rowsNeeded: number | null;
  readonly questionsLeft: number;
}

/**
 * Estimates what a gate can tell apart, from the median standard error of the newest updates' measures on screen rows:
 * (z + z_0.8) s / sqrt(n), with z the quantile of the gate's level, s the standard deviation of row differences and n the
 * number of confirm rows.
 */
export function resolutionOf({ gate, decisions, screenRows, questions }: ResolutionInput): Resolution {
  const level = gateLevel(gate.horizon);
  const [screen, confirm] = gate.split;
  const confirmRows = Math.round((screenRows * confirm) / screen);
  const errors = decisions.slice(-NEWEST).flatMap(({ criteria }) => standardErrorOf(criteria));
  const error = median(errors);
  const quantiles = gaussianQuantile((1 + level) / 2) + gaussianQuantile(POWER);
  const detectable = error === undefined ? null : quantiles * error * Math.sqrt(screenRows / confirmRows);
  return {
    level,
    confirmRows,
    detectable,
    rowsNeeded:
      detectable === null || gate.margin === 0
        ? null
        : Math.ceil((confirmRows / confirm) * square(detectable / gate.margin)),
    questionsLeft: Math.max(0, gate.horizon - questions),
  };
}

/** The standard error of a decision's measure, from its interval; none if it was not measured, or cannot change. */
function standardErrorOf([measure]: Decision["criteria"]): readonly number[] {
  if (!measure?.interval) return [];
  const [low, high] = measure.interval;
  return high > low ? [(high - low) / (2 * gaussianQuantile((1 + CONFIDENCE_LEVEL) / 2))] : [];
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return below === undefined || above === undefined ? undefined : (below + above) / 2;
}

/** A goal, and what was measured. */
export interface Row {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
  /** All measurements, in the order in which they were taken. */
  readonly values: readonly number[];
}

/** The best of several counts: another process may have held any of them up. Lower is better. */
export function atMost(what: string, limit: number, unit: string, values: readonly number[], digits = 2): Row {
  const best = Math.min(...values);
  return { what, goal: `<= ${limit} ${unit}`, measured: `${best.toFixed(digits)} ${unit}`, met: best <= limit, values };
}

/** Higher is better. */
export function atLeast(what: string, limit: number, unit: string, values: readonly number[], digits = 2): Row {
  const best = Math.max(...values);
  return { what, goal: `>= ${limit} ${unit}`, measured: `${best.toFixed(digits)} ${unit}`, met: best >= limit, values };
}

/** The best time against the best time of something else, in seconds, measured in turn. Lower is better. */
export function atMostTimes(what: string, limit: number, times: readonly number[], others: readonly number[]): Row {
  return { ...atMost(what, limit, "x", [Math.min(...times) / Math.min(...others)]), values: inTurn(others, times) };
}

/** How much faster `times` are than `others`. Higher is better. */
export function atLeastTimes(what: string, limit: number, others: readonly number[], times: readonly number[]): Row {
  return { ...atLeast(what, limit, "x", [Math.min(...others) / Math.min(...times)]), values: inTurn(others, times) };
}

function inTurn(others: readonly number[], times: readonly number[]): readonly number[] {
  return others.flatMap((other, index) => [other, times[index] as number]);
}

import type { LossLimit } from "./pipeline.ts";

/** Parses a percentage with its sign, such as `0.5 %` or `99%`. @returns a fraction; undefined for anything else */
export function parsePercent(text: string): number | undefined {
  const [, number] = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) / 100;
}

/** Parses a loss limit: a loss, or a quantile above the median in percent, such as `99 %`. @returns undefined for anything else */
export function lossLimitOf(text: string): LossLimit | undefined {
  const quantile = parsePercent(text);
  if (quantile !== undefined) return quantile > 0.5 && quantile < 1 ? { quantile } : undefined;
  const bound = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(bound) ? { bound } : undefined;
}

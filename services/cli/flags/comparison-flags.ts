import { InvalidArgumentError } from "commander";
import { lossLimitOf, parsePercent } from "../../pipeline/percent.ts";
import type { LossLimit } from "../../pipeline/pipeline.ts";
import { COMPARISON_KINDS, type ComparisonKind } from "../../verdicts/paired/compare-losses.ts";

/** Parses the smallest effect that matters, `0.5%` of the current loss, as a fraction. @throws InvalidArgumentError */
export function parseMinimumEffect(text: string): number {
  const effect = parsePercent(text);
  if (effect === undefined) throw new InvalidArgumentError("Expected a percentage of the current loss, such as 0.5%.");
  return effect;
}

/** Parses a confidence level, `95%` or `0.95`. @throws InvalidArgumentError */
export function parseLevel(text: string): number {
  const level = parsePercent(text) ?? Number(text);
  if (!(level >= 0.5 && level <= 1 - 1e-8)) {
    throw new InvalidArgumentError("Expected a confidence level from 0.5 to 0.99999999, such as 0.95 or 95%.");
  }
  return level;
}

/** Parses a limit of row losses: a loss, or a quantile in percent. @throws InvalidArgumentError */
export function parseLossLimit(text: string): LossLimit {
  const limit = lossLimitOf(text);
  if (limit !== undefined) return limit;
  throw new InvalidArgumentError("Expected a loss, such as 20, or a percentage between 50% and 100%, such as 99%.");
}

/** Parses `degraded,inconclusive`. @throws InvalidArgumentError */
export function parseKinds(text: string): readonly ComparisonKind[] {
  return text.split(",").map((name) => {
    const kind = COMPARISON_KINDS.find((known) => known === name.trim());
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(`Expected a list of ${COMPARISON_KINDS.join(", ")}, not "${name}".`);
  });
}

import { didYouMean } from "../../common/suggest.ts";
import { sinks } from "../dag.ts";
import type { Pipeline } from "../pipeline.ts";
import type { ComponentDraft } from "./component-draft.ts";
import { isRecord, shown } from "./schema.ts";
import type { Reporter } from "./yaml-file.ts";

/**
 * Parses the pipeline file's `objective`: the name of a component, or a mapping of at least two names to weights. Without
 * it, the objective is the only component that no other reads.
 *
 * @param drafts the well-formed components; @param names of all components in the file
 * @returns undefined after reporting every problem, here or with a component
 */
export function parseObjective(
  value: unknown,
  drafts: readonly ComponentDraft[],
  names: readonly string[],
  reporter: Reporter,
): Pipeline["objective"] | undefined {
  if (value === undefined) return onlySink(drafts, names, reporter);
  if (typeof value === "string") return isKnown(value, ["objective"], names, reporter) ? value : undefined;
  if (!isRecord(value)) {
    const kinds = "the name of a component, or a mapping of names to weights";
    reporter.report(["objective"], `must be ${kinds}, not ${shown(value)}`);
    return undefined;
  }
  return parseWeights(value, names, reporter);
}

function parseWeights(
  value: Readonly<Record<string, unknown>>,
  names: readonly string[],
  reporter: Reporter,
): Readonly<Record<string, number>> | undefined {
  const entries = Object.entries(value);
  if (entries.length === 0) {
    reporter.report(["objective"], "is an empty mapping; name the components whose losses make up the pipeline loss");
    return undefined;
  }
  const weights: Record<string, number> = {};
  let isSound = true;
  for (const [name, weight] of entries) {
    const path = ["objective", name];
    if (!isKnown(name, path, names, reporter)) isSound = false;
    else if (typeof weight === "number" && Number.isFinite(weight) && weight > 0) weights[name] = weight;
    else {
      reporter.report(path, `must be a finite number greater than 0, not ${shown(weight)}`);
      isSound = false;
    }
  }
  const [only, second] = entries;
  if (isSound && only !== undefined && second === undefined) {
    reporter.report(["objective"], `lists a single component, whose weight has no effect; write objective: ${only[0]}`);
    return undefined;
  }
  return isSound ? weights : undefined;
}

function isKnown(name: string, path: readonly string[], names: readonly string[], reporter: Reporter): boolean {
  if (names.includes(name)) return true;
  reporter.report(path, `unknown component "${name}"; available: ${names.join(", ")}${didYouMean(name, names)}`);
  return false;
}

function onlySink(drafts: readonly ComponentDraft[], names: readonly string[], reporter: Reporter): string | undefined {
  // Malformed parts are reported elsewhere. Sinks of an incomplete graph would only confuse.
  const isComplete =
    drafts.length === names.length && drafts.flatMap(({ upstream }) => upstream).every((name) => names.includes(name));
  if (!isComplete) return undefined;
  const ends = sinks(drafts).map((component) => component.name);
  if (ends.length > 1) {
    const what = `is missing, and several components have no consumers: ${ends.join(", ")}`;
    reporter.report(["objective"], `${what}; name the one whose loss is the pipeline loss, or give each a weight`);
  }
  return ends.length === 1 ? ends[0] : undefined;
}

import { consumers } from "../../pipeline/dag.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Criterion, DecisionReason } from "../../pipeline/release.ts";
import { type Answer, criterionOf } from "./answer.ts";
import type { SliceAnswer } from "./slice-criteria.ts";

export interface OutcomeInput {
  readonly pipeline: Pipeline;
  /** The components that move. */
  readonly moved: readonly string[];
  readonly answers: readonly Answer[];
  readonly slices: readonly SliceAnswer[];
  /** What the confirm rows answered, in the order of `answers`; undefined if they were not asked. */
  readonly bits: readonly boolean[] | undefined;
  readonly forbidden: readonly DecisionReason[];
  /** Components that could be retrained on the update; none if its own loss did not improve. */
  readonly needs: readonly string[];
  /** Components that an objective depends on, and of which the release has no snapshot. */
  readonly lacking: readonly string[];
}

/** What a gate concludes, with its grounds. */
export interface Conclusion {
  readonly decision: "promoted" | "refused" | "held";
  /** None if promoted. */
  readonly reasons: readonly DecisionReason[];
  readonly criteria: readonly Criterion[];
  /** Components to retrain on the update. */
  readonly needs: readonly string[];
  /** In one sentence, what a reader should know beyond the criteria. */
  readonly detail?: string;
}

/** What follows from the criteria. */
export function outcomeOf(input: OutcomeInput): Conclusion {
  const { answers, slices, bits, forbidden, needs } = input;
  const criteria = [
    ...answers.map((answer, at) => criterionOf(answer, bits?.[at] ?? null)),
    ...slices.map(({ criterion }) => criterion),
  ];
  const detail = detailOf(input);
  const common = { criteria, ...(detail !== undefined && { detail }) };
  if (forbidden.length > 0) return { ...common, decision: "held", reasons: forbidden, needs: [] };
  const reasons = reasonsOf(input);
  if (reasons.length > 0) {
    if (needs.length > 0) return { ...common, decision: "held", reasons: [...reasons, "needs"], needs };
    return { ...common, decision: reasons.includes("worse") ? "refused" : "held", reasons, needs: [] };
  }
  if (bits === undefined) return { ...common, decision: "held", reasons: ["spent"], needs: [] };
  return { ...common, decision: "promoted", reasons: [], needs: [] };
}

/** Why the rows do not promote it, by what was asked first; none if they do, or the confirm rows were not asked. */
function reasonsOf({ answers, slices, bits }: OutcomeInput): readonly DecisionReason[] {
  const reasons = new Set<DecisionReason>();
  for (const { question, screened, isWorse, isMissing } of answers) {
    if (isWorse) reasons.add("worse");
    else if (isMissing) reasons.add("missing");
    else if (!screened) reasons.add(question.isMeasure ? "inconclusive" : question.name);
  }
  for (const { criterion, isMissing } of slices) {
    if (isMissing) reasons.add("missing");
    else if (!criterion.screened) reasons.add("slice");
  }
  if (bits?.includes(false)) reasons.add("not-confirmed");
  return [...reasons];
}

/** The direct consumers of what moves that an objective depends on, and that do not move themselves. */
export function consumersToRetrain(pipeline: Pipeline, moved: readonly string[]): readonly string[] {
  const reading = new Set(moved.flatMap((name) => consumers(pipeline.components, name).map((one) => one.name)));
  return objectiveClosure(pipeline).filter((name) => reading.has(name) && !moved.includes(name));
}

function detailOf({ pipeline, moved, answers, lacking }: OutcomeInput): string | undefined {
  if (lacking.length > 0) return `the release has no snapshot of ${lacking.join(", ")}`;
  const needed = objectiveClosure(pipeline);
  if (!moved.some((name) => needed.includes(name))) return `no objective depends on ${moved.join(", ")}`;
  for (const { question, rowsNeeded } of answers) {
    if (rowsNeeded === null) continue;
    const { name, subject } = question;
    const criterion = subject === undefined ? name : `${name} ${subject}`;
    return `too few screen rows for ${criterion}: about ${rowsNeeded.toLocaleString("en-US")} are needed`;
  }
  return undefined;
}

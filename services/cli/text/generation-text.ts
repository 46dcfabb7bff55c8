import { createQuestionCount, type QuestionCount } from "../../pipeline/questions.ts";
import type { Verdict } from "../../pipeline/verdict.ts";
import type { HeldOutStatus } from "../../rpc/services/evaluator-service.ts";

const count = (value: number) => value.toLocaleString("en-US");

/** Says where numbers of one generation of held-out rows follow those of another. */
export interface GenerationLines {
  /** The line before the next verdict, if it is about other rows than the one before it. */
  before(verdict: Verdict): string | undefined;
}

export function createGenerationLines(): GenerationLines {
  let shown: { readonly generation: number | undefined } | undefined;
  return {
    before({ heldOut }) {
      const generation = heldOut?.generation;
      const changed = shown !== undefined && shown.generation !== generation;
      const earlier = shown?.generation;
      shown = { generation };
      if (!changed) return undefined;
      const what =
        generation === undefined ? "held-out rows of an unnamed generation" : `held-out generation ${generation}`;
      const than = earlier === undefined ? "verdicts above do not name theirs" : `above is generation ${earlier}`;
      return `-- ${what}: other rows, so losses cannot be compared across this line (${than}) --`;
    },
  };
}

/**
 * How often the newest generation's rows have been asked: `held-out generation 2: 214 verdicts on the same rows; ...`.
 * @param verdicts all of the log, in its order
 */
export function questionsText(verdicts: readonly Verdict[]): string | undefined {
  const questions = createQuestionCount();
  for (const verdict of verdicts) questions.note(verdict);
  const newest = verdicts.findLast(({ heldOut }) => heldOut !== undefined)?.heldOut;
  if (newest === undefined) return undefined;
  return askedText(newest.generation, questions, newest.horizon);
}

function askedText(generation: number, questions: QuestionCount, horizon: number | undefined): string {
  const asked = questions.of(generation);
  const verdicts = `${count(asked)} verdict${asked === 1 ? "" : "s"} on the same rows`;
  const beyond = horizon !== undefined && asked > horizon;
  const warning = `; warning: beyond the horizon of ${count(horizon ?? 0)}, some of what looks improved is chance: hold out other rows`;
  return `held-out generation ${generation}: ${verdicts}${beyond ? warning : ""}`;
}

/** Which rows a matrix is about, if matrices of before were about others. */
export function matrixRowsText(heldOut: HeldOutStatus | null): string | undefined {
  if (heldOut === null || heldOut.generation === 1) return undefined;
  return `held-out generation ${heldOut.generation}, since ${heldOut.startedAt}: cells cannot be compared with those of earlier generations`;
}

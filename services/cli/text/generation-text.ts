import { createQuestionCount } from "../../pipeline/questions.ts";
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
  const { generation, horizon = null } = newest;
  const asked = { generation, questions: questions.of(generation), horizon };
  return `${askedText(asked)}${isWornOut(asked) ? `; warning: ${WORN_OUT}` : ""}`;
}

type Asked = Pick<HeldOutStatus, "generation" | "questions" | "horizon">;

/** `held-out generation 2: 214 verdicts on the same rows, declared good for 200` */
export function askedText({ generation, questions, horizon }: Asked): string {
  const declared = horizon === null ? "" : `, declared good for ${count(horizon)}`;
  return `held-out generation ${generation}: ${count(questions)} verdict${questions === 1 ? "" : "s"} on the same rows${declared}`;
}

export function isWornOut({ questions, horizon }: Asked): boolean {
  return horizon !== null && questions > horizon;
}

/** What that means, and what to do. */
export const WORN_OUT = "some of what looks improved is chance: hold out other rows";

/** Which rows a matrix is about, if matrices of before were about others. */
export function matrixRowsText(heldOut: HeldOutStatus | null): string | undefined {
  if (heldOut === null || heldOut.generation === 1) return undefined;
  return `held-out generation ${heldOut.generation}, since ${heldOut.startedAt}: cells cannot be compared with those of earlier generations`;
}

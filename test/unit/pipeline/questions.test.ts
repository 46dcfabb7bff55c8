import { expect, test } from "vitest";
import { createQuestionCount } from "../../../services/pipeline/questions.ts";
import { verdict } from "../../helpers/drafts.ts";

const on = (serial: number, generation: number, question?: number) =>
  verdict("m1", serial, {
    heldOut: { fingerprint: "f", generation, ...(question !== undefined && { question }) },
  });

test("counts each verdict of a generation once", () => {
  const count = createQuestionCount();
  count.note(verdict("m1", 1));
  expect(count.of(1)).toBe(0);
  for (const serial of [2, 3, 3, 2]) count.note(on(serial, 1));
  count.note(on(4, 2));
  expect([count.of(1), count.of(2), count.of(3)]).toEqual([2, 1, 0]);
});

test("knows of removed verdicts from the numbers of later ones, and gives concurrent ones numbers of their own", () => {
  const count = createQuestionCount();
  count.note(on(40, 1, 40));
  expect(count.of(1)).toBe(40);
  count.note(on(41, 1, 41));
  count.note(on(42, 1, 41));
  expect(count.of(1)).toBe(42);
});

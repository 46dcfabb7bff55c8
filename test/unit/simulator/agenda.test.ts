import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../../services/simulator/run/agenda.ts";

test("takes what is earliest, and of equals what was added first, while more is added", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 5 }))), (steps) => {
      const agenda = new Agenda<number>();
      let expected: { readonly at: number; readonly event: number }[] = [];
      for (const [event, at] of steps.entries()) {
        if (at === null) {
          const taken = agenda.take();
          expect(taken && { at: taken.at, event: taken.event }).toEqual(expected[0]);
          expected = expected.slice(1);
        } else {
          agenda.add(at, event);
          expected = [...expected, { at, event }].toSorted((a, b) => a.at - b.at || a.event - b.event);
        }
      }
      for (const next of expected) expect(agenda.take()).toMatchObject(next);
      expect(agenda.take()).toBeUndefined();
    }),
  );
});

import { afterEach, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { type GatedEvaluators, openGatedEvaluators } from "../../../helpers/gated-evaluators.ts";
import { good } from "../../../helpers/memory-evaluators.ts";

let world: GatedEvaluators;
afterEach(() => world.close());

const inUse = async () => (await world.backplane.ledger.release())?.value.composition;

test("a gate that observes writes what it would have done, and the newest snapshots are in use all the same", async () => {
  world = openGatedEvaluators({ mode: "observe" });
  world.gated();
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  await world.publish("u", { x: 2 });
  await world.publish("u", { x: 1.5 });
  await world.quiet();
  const entries = await world.entries();
  const seen = entries.flatMap((entry): readonly unknown[] => {
    if (entry.entry === "release") return [entry.composition];
    return entry.entry === "decision" ? [`${entry.decision} against ${entry.release}, ${entry.mode}`] : [];
  });
  expect(seen).toEqual([
    { u: 1 },
    { u: 1, d: 1 },
    "promoted against 2, observe",
    { u: 2, d: 1 },
    "refused against 3, observe",
    { u: 3, d: 1 },
  ]);
  expect(entries.every((entry) => entry.entry !== "release" || entry.cause.type !== "decision")).toBe(true);
});

test("a gate that cannot decide does not keep the newest snapshot from being used", async () => {
  world = openGatedEvaluators({ mode: "observe" });
  const { ledger } = world.backplane;
  const { records } = world.gated({
    backplane: {
      ...world.backplane,
      ledger: {
        ...ledger,
        append: async (entry, after) => {
          if (entry.entry === "decision") throw new UncoupleError("unavailable", "the store is away");
          return ledger.append(entry, after);
        },
      },
    },
  });
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  await world.publish("u", { x: 2 });
  await world.quiet();
  expect(await inUse()).toEqual({ u: 2, d: 1 });
  expect(await world.decisions()).toEqual([]);
  expect(records.map(({ message }) => message)).toContain(
    "deciding what a gate would do: the store is away; trying again",
  );
});

import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createRunSlots, type RunSlot } from "../../../../services/trainer/runs/run-slots.ts";

const never = new AbortController().signal;

/** Acquires a slot in the background and records when it has one. */
function asker(slots: ReturnType<typeof createRunSlots>) {
  const got: string[] = [];
  const waited: string[] = [];
  const ask = (name: string, signal = never): Promise<RunSlot> =>
    slots
      .acquire(signal, async () => void waited.push(name))
      .then((slot) => {
        got.push(name);
        return slot;
      });
  return { ask, got, waited };
}

describe("slots of runs", () => {
  test("are given out in the order of asking, never more than there are", async () => {
    const { ask, got, waited } = asker(createRunSlots(2));
    const [a, b, c, d] = [ask("a"), ask("b"), ask("c"), ask("d")];
    await turn();
    expect([got, waited]).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    const first = await a;
    first.release();
    first.release();
    await turn();
    expect(got).toEqual(["a", "b", "c"]);
    (await b).release();
    (await c).release();
    await d;
    expect(got).toEqual(["a", "b", "c", "d"]);
  });

  test("of a run that is aborted while it waits go to the next one", async () => {
    const { ask, got } = asker(createRunSlots(1));
    const a = await ask("a");
    const leaving = new AbortController();
    const b = ask("b", leaving.signal);
    const c = ask("c");
    leaving.abort(new Error("cancelled"));
    await expect(b).rejects.toThrow("cancelled");
    a.release();
    await c;
    expect(got).toEqual(["a", "c"]);
    await expect(ask("d", leaving.signal)).rejects.toThrow("cancelled");
  });

  test("are given up while a run waits for something else", async () => {
    const { ask, got } = asker(createRunSlots(1));
    const a = await ask("a");
    let judged = () => {};
    const verdict = new Promise<void>((resolve) => {
      judged = resolve;
    });
    let isBack = false;
    const back = a.without(() => verdict).then(() => (isBack = true));
    const b = await ask("b");
    judged();
    await turn();
    expect(isBack).toBe(false);
    b.release();
    await back;
    const c = ask("c");
    await turn();
    expect(got).toEqual(["a", "b"]);
    a.release();
    await c;
  });
});

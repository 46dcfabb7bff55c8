import { beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { Backplane, WorkItem } from "../../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../../services/registry/memory/backplane.ts";
import { draft, model } from "../../../helpers/drafts.ts";

const START = Date.parse("2026-11-20T08:00:00Z");
const never = new AbortController().signal;

let clock: VirtualClock;
let backplane: Backplane;
beforeEach(() => {
  clock = createVirtualClock(START);
  backplane = createMemoryBackplane("demo", { clock });
});

describe("the memory backplane", () => {
  test("delivers an item again after delays that double up to a minute, all on its clock", async () => {
    await backplane.registry.publish(draft(), model(1), null);
    const delivered: number[] = [];
    const working = (async () => {
      for await (const item of backplane.workQueue("evaluators").items(never)) {
        delivered.push(clock.elapsed());
        expect(item.delivery).toBe(delivered.length);
        await item.retry();
      }
    })();
    await clock.advance(300_000);
    const waits = delivered.slice(1).map((at, i) => (at - (delivered[i] as number)) / 1000);
    expect(waits).toEqual([0.25, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    await backplane.close();
    await working;
  });

  test("delivers an item once more, however often it is given back", async () => {
    await backplane.registry.publish(draft(), model(1), null);
    const items: WorkItem[] = [];
    const working = (async () => {
      for await (const item of backplane.workQueue("evaluators").items(never)) items.push(item);
    })();
    await clock.advance(0);
    await items[0]?.retry();
    await items[0]?.retry();
    await clock.advance(600_000);
    expect(items.map(({ delivery }) => delivery)).toEqual([1, 2]);
    await backplane.close();
    await working;
  });

  test("stamps changes of aliases with its clock", async () => {
    await backplane.registry.publish(draft(), model(1), null);
    await clock.advance(60_000);
    expect(await backplane.registry.setAlias("m1", "champion", 1, null, "ann")).toMatchObject({
      at: "2026-11-20T08:01:00.000Z",
    });
    await backplane.close();
  });

  test("hands a lease over when it is released, however long that takes", async () => {
    const lease = await backplane.leases.acquire("train", "m1", never);
    let second = "waiting";
    const waiting = backplane.leases.acquire("train", "m2", never).then(() => {
      second = "holding";
    });
    await clock.advance(24 * 3_600_000);
    expect(second).toBe("waiting");
    expect(lease.lost.aborted).toBe(false);
    clock.after(1_000, () => void lease.release());
    await clock.advance(1_000);
    expect(second).toBe("holding");
    await waiting;
    await backplane.close();
    expect(lease.lost.aborted).toBe(true);
  });

  test("leaves nothing on the clock but what was given back", async () => {
    await backplane.registry.publish(draft(), model(1), null);
    for await (const item of backplane.workQueue("evaluators").items(never)) {
      expect(clock.pending).toBe(0);
      await item.retry();
      break;
    }
    expect(clock.pending).toBe(1);
    await clock.next();
    expect(clock.pending).toBe(0);
    await backplane.close();
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { aliasesNow, aliasHistory } from "../../../services/composition/champions.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import { contentOf } from "../../../services/pipeline/pipeline-content.ts";
import type { Release } from "../../../services/pipeline/release.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { appendRelease } from "../../../services/releases/append-release.ts";
import { earlierSerials, pinComponent, rollbackComponent, unpinComponent } from "../../../services/releases/pin.ts";
import { draft, model, quarantine, release, verdict } from "../../helpers/drafts.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

let clock: VirtualClock;
let backplane: Backplane;
beforeEach(async () => {
  clock = createVirtualClock();
  backplane = createMemoryBackplane("demo", { clock });
  for (const component of ["u", "d", "u", "u"]) {
    const { serial } = await backplane.registry.publish(draft({ component }), model(1), "any");
    await backplane.verdicts.append(verdict(component, serial));
  }
});
afterEach(() => backplane.close());

const deps = (over = backplane) => ({ backplane: over, pipeline: "demo", clock });
const ann = (component = "u", reason: string | null = "because") => ({ component, by: "ann", reason });
const newest = async () => (await backplane.ledger.release())?.value;

/** Releases whatever follows the newest release. */
async function releaseNext(composition: Composition, change: Partial<Release> = {}): Promise<Release | undefined> {
  await clock.advance(1_000);
  const at = new Date(clock.now()).toISOString();
  return appendRelease(backplane, { ...release(1), composition, at, ...change, previous: await newest() }, "test");
}

describe("before the first release", () => {
  test("a champion is an alias, and nothing is released", async () => {
    expect(await pinComponent(deps(), ann(), 1)).toMatchObject({ alias: "champion", serial: 1, previous: null });
    expect(await pinComponent(deps(), ann(), 2)).toMatchObject({ serial: 2, previous: 1, by: "ann: because" });
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ kind: "rollback", serial: 1, previous: 2 });
    expect(await unpinComponent(deps(), ann())).toMatchObject({ serial: null, previous: 1 });
    expect(await newest()).toBeUndefined();
    expect(await backplane.registry.aliasLog("u")).toHaveLength(4);
  });

  test("a champion that the first release may have missed is released after it", async () => {
    const { registry } = backplane;
    const setAlias: typeof registry.setAlias = async (...change) => {
      const changed = await registry.setAlias(...change);
      await releaseNext({ u: 3, d: 1 }, { cause: { type: "founded" } });
      return changed;
    };
    const change = await pinComponent(deps({ ...backplane, registry: { ...registry, setAlias } }), ann(), 1);
    expect(change).toMatchObject({ serial: 1 });
    expect(await newest()).toMatchObject({ number: 2, composition: { u: 1, d: 1 }, pinned: ["u"] });
  });
});

describe("a champion", () => {
  beforeEach(() => releaseNext({ u: 3, d: 1 }, { cause: { type: "founded" } }));

  test("is released and pinned, with who and why", async () => {
    expect(await pinComponent(deps(), ann(), 1)).toMatchObject({ kind: "set", serial: 1, previous: null });
    expect(await newest()).toMatchObject({
      number: 2,
      composition: { u: 1, d: 1 },
      kind: "pin",
      cause: { type: "person", by: "ann", reason: "because" },
      pinned: ["u"],
      gate: null,
    });
    expect(await backplane.registry.aliases("u")).toEqual({});
    // Again: nothing to do.
    expect(await pinComponent(deps(), ann(), 1)).toMatchObject({ serial: 1, previous: 1 });
    expect((await newest())?.number).toBe(2);
    // What is in use already can be pinned, too.
    expect(await pinComponent(deps(), ann("d"), 1)).toMatchObject({ serial: 1, previous: null });
    expect((await newest())?.pinned).toEqual(["d", "u"]);
  });

  test("is taken away without moving anything, once", async () => {
    await pinComponent(deps(), ann(), 1);
    expect(await unpinComponent(deps(), ann())).toMatchObject({ serial: null, previous: 1 });
    expect(await newest()).toMatchObject({ composition: { u: 1, d: 1 }, pinned: [], kind: "pin" });
    await expect(unpinComponent(deps(), ann())).rejects.toMatchObject({ code: "failed-precondition" });
  });

  test.each([
    ["an unknown snapshot", 9, "not-found", /u@9/],
    ["a quarantined snapshot", 2, "failed-precondition", /u@2 is quarantined \(not-finite/],
    ["a snapshot without a verdict", 4, "failed-precondition", /u@4 is not judged yet/],
  ] as const)("cannot be %s", async (_, serial, code, message) => {
    await backplane.quarantines.append(quarantine("u", 2));
    await backplane.registry.publish(draft({ component: "u" }), model(1), "any");
    await expect(pinComponent(deps(), ann(), serial)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect((await newest())?.number).toBe(1);
  });

  test("is set beside a release of another component that came first, and not against one of its own", async () => {
    const { ledger } = backplane;
    const racing = (composition: Composition) => {
      let before = true;
      const append: typeof ledger.append = async (entry, after) => {
        if (before) {
          before = false;
          await releaseNext(composition);
        }
        return ledger.append(entry, after);
      };
      return { ...backplane, ledger: { ...ledger, append } };
    };
    await pinComponent(deps(racing({ u: 3 })), ann(), 1);
    expect(await newest()).toMatchObject({ number: 3, composition: { u: 1 }, pinned: ["u"] });
    await expect(pinComponent(deps(racing({ u: 2 })), ann(), 3)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("release 4 has moved u in between"),
    });
  });

  test("is listed among the aliases, and its changes among theirs", async () => {
    const { registry } = backplane;
    await registry.setAlias("u", "shadow", 2, null, "bob");
    await clock.advance(1_000);
    await pinComponent(deps(), ann(), 1);
    expect((await aliasesNow(backplane, ["u", "d"])).get("u")).toEqual({ champion: 1, shadow: 2 });
    expect((await aliasesNow(backplane, ["u", "d"])).get("d")).toEqual({});
    await releaseNext({ u: 2, d: 1 }, { pinned: [] });
    const log = await aliasHistory(backplane, "u");
    expect(log.map(({ alias, serial, previous, by }) => [alias, serial, previous, by])).toEqual([
      ["shadow", 2, null, "bob"],
      ["champion", 1, null, "ann: because"],
      ["champion", null, 1, "ungated"],
    ]);
    expect(await aliasHistory(backplane, "d")).toEqual([]);
  });
});

test("the champions of an earlier version stay in the history of aliases", async () => {
  await backplane.registry.setAlias("u", "champion", 2, null, "bob");
  await clock.advance(1_000);
  await backplane.registry.setAlias("u", "champion", 1, 2, "bob");
  await releaseNext({ u: 1, d: 1 }, { pinned: ["u"], cause: { type: "founded" } });
  await clock.advance(1_000);
  await pinComponent(deps(), ann(), 3);
  const log = await aliasHistory(backplane, "u");
  expect(log.map(({ serial, previous, by }) => [serial, previous, by])).toEqual([
    [2, null, "bob"],
    [1, 2, "bob"],
    [3, 1, "ann: because"],
  ]);
  expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 1, previous: 3 });
  expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 2, previous: 1 });
  await expect(rollbackComponent(deps(), ann())).rejects.toMatchObject({ code: "failed-precondition" });
});

describe("a rollback", () => {
  test("goes back to what was in use before, pinned, and further back when it is called again", async () => {
    for (const u of [1, 2, 3]) await releaseNext({ u, d: 1 });
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ kind: "rollback", serial: 2, previous: 3 });
    expect(await newest()).toMatchObject({ composition: { u: 2, d: 1 }, pinned: ["u"], kind: "rollback" });
    await expect(rollbackComponent(deps(), ann("d"))).rejects.toMatchObject({ code: "failed-precondition" });
    // Another component moves in between.
    await releaseNext({ u: 2 }, { pinned: ["u"] });
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 1, previous: 2 });
    await expect(rollbackComponent(deps(), ann())).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("there is nothing to go back to"),
    });
  });

  test("of a champion goes back to the champions before it, and no further", async () => {
    for (const u of [1, 2, 3]) await releaseNext({ u, d: 1 });
    for (const serial of [1, 2]) await pinComponent(deps(), ann(), serial);
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 1, previous: 2 });
    await expect(rollbackComponent(deps(), ann())).rejects.toMatchObject({ code: "failed-precondition" });
    // What follows a champion that was taken away is undone as well.
    await unpinComponent(deps(), ann());
    await releaseNext({ u: 3, d: 1 });
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 1, previous: 3 });
  });

  test("leaves out what was quarantined meanwhile", async () => {
    for (const u of [1, 2, 3]) await releaseNext({ u, d: 1 });
    await backplane.quarantines.append(quarantine("u", 2));
    expect(await rollbackComponent(deps(), ann())).toMatchObject({ serial: 1 });
  });

  test.each([
    ["undone changes are skipped", [1, 2, 3, -2, 4], [2, 1]],
    ["what came back is an earlier state as well", [1, 2, 1, 3], [1, 2, 1]],
    ["a rollback to what was never there is a change", [1, 2, -3], [2, 1]],
    ["nothing before the first", [1], []],
    ["nothing at all", [], []],
  ])("%s", (_, moves, expected) => {
    const releases = moves.map((serial) => ({
      kind: serial < 0 ? ("rollback" as const) : ("promote" as const),
      composition: { u: Math.abs(serial) },
      pinned: [],
    }));
    expect(earlierSerials("u", [], releases)).toEqual(expected);
  });
});

describe("under a gate that enforces", () => {
  beforeEach(async () => {
    const gate = { ...DEFAULT_GATE, mode: "enforce" as const };
    await backplane.pipelines.apply(contentOf({ ...twoComponents, gate }), null, "ann");
    for (const u of [1, 2]) await releaseNext({ u, d: 1 });
  });

  test("a rollback holds what was in use, and pins nothing: newer snapshots are for the gate", async () => {
    await rollbackComponent(deps(), ann());
    expect(await newest()).toMatchObject({ composition: { u: 1, d: 1 }, pinned: [], kind: "rollback" });
    const orders: unknown[] = [];
    for await (const { value } of backplane.ledger.read(0)) if (value.entry === "order") orders.push(value);
    expect(orders).toMatchObject([{ verb: "hold", snapshots: [{ component: "u", serial: 2 }], by: "ann" }]);
  });

  test("a reason is required, and a pin does not go against the gate", async () => {
    for (const change of [
      pinComponent(deps(), ann("u", null), 1),
      unpinComponent(deps(), ann("u", null)),
      rollbackComponent(deps(), ann("u", null)),
    ]) {
      await expect(change).rejects.toMatchObject({ code: "invalid-argument", message: /--reason/ });
    }
    await expect(pinComponent(deps(), ann(), 3)).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("uncouple promote u@3 --override"),
    });
    expect((await newest())?.number).toBe(2);
  });
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import { contentOf } from "../../../services/pipeline/pipeline-content.ts";
import type { Release } from "../../../services/pipeline/release.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { appendRelease } from "../../../services/releases/append-release.ts";
import { pinComponent, rollbackComponent, unpinComponent } from "../../../services/releases/pin.ts";
import { draft, verdict } from "../../helpers/drafts.ts";
import { linearBytes, twoComponents } from "../../helpers/linear-pipelines.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators, specs } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators(60);
});
afterEach(() => world.close());

async function releases(): Promise<readonly Release[]> {
  const all: Release[] = [];
  for await (const { value } of world.backplane.ledger.read(0)) if (value.entry === "release") all.push(value);
  return all;
}
const compositions = async () => (await releases()).map(({ composition }) => composition);
const causes = async () => (await releases()).map(({ cause }) => cause.type);

/** Publishes snapshots and waits until all in the store are settled. */
async function publish(...components: readonly ("u" | "d")[]): Promise<void> {
  for (const component of components) await world.publish(component, component === "u" ? { x: 2 } : good);
  await world.settled((await world.backplane.registry.list()).length);
}

/** Waits until the newest release has a composition. */
async function released(composition: Composition): Promise<void> {
  await expect
    .poll(async () => {
      await world.clock.advance(50);
      return (await world.backplane.ledger.release())?.value.composition;
    })
    .toEqual(composition);
}

const deps = () => ({ backplane: world.backplane, pipeline: "demo", clock: world.clock });
const ann = (component: string) => ({ component, by: "ann", reason: "because" });

test("each judged snapshot is released before its announcement is done", async () => {
  world.start();
  await publish("u", "d");
  expect(await compositions()).toEqual([{ u: 1 }, { u: 1, d: 1 }]);
  await publish("u");
  expect(await compositions()).toEqual([{ u: 1 }, { u: 1, d: 1 }, { u: 2, d: 1 }]);
  expect(await causes()).toEqual(["founded", "ungated", "ungated"]);
  expect(await releases()).toMatchObject([
    { number: 1, previous: null, kind: "promote", pinned: [], gate: null },
    { number: 2, previous: 1 },
    { number: 3, previous: 2 },
  ]);
});

test("verdicts name the release that was newest, and compare with what was announced before, as without releases", async () => {
  world.start();
  await publish("u", "d", "u");
  const verdicts = await world.backplane.verdicts.list();
  expect(verdicts.map(({ release }) => release)).toEqual([undefined, 1, 2]);
  expect(verdicts.at(-1)?.comparison).toMatchObject({ current: { u: 1, d: 1 }, candidate: { u: 2, d: 1 } });
});

test("a store of before gets a release of its champions and newest judged snapshots", async () => {
  const { registry, verdicts } = world.backplane;
  for (const component of ["u", "d", "u", "d"] as const) {
    const made = draft({ component, contract: specs[component] });
    const { serial } = await registry.publish(made, linearBytes({ weights: { x: 2 } }), "any");
    await verdicts.append(verdict(component, serial));
  }
  await registry.setAlias("u", "champion", 1, null, "ann");
  world.start();
  await released({ u: 1, d: 2 });
  expect(await releases()).toMatchObject([{ number: 1, cause: { type: "founded" }, pinned: ["u"] }]);
  // From here on, the alias log says nothing.
  await registry.setAlias("u", "champion", 2, 1, "an earlier version");
  await publish("d");
  expect((await compositions()).at(-1)).toEqual({ u: 1, d: 3 });
});

test("a pinned component stays under newer snapshots, which are judged against it, until it is unpinned", async () => {
  world.start();
  await publish("u", "d", "u");
  await pinComponent(deps(), ann("u"), 1);
  await publish("u", "d");
  expect((await compositions()).at(-1)).toEqual({ u: 1, d: 2 });
  const [third] = (await world.backplane.verdicts.list()).filter(
    ({ component, serial }) => `${component}${serial}` === "u3",
  );
  expect(third?.comparison?.current).toEqual({ u: 1, d: 1 });
  await unpinComponent(deps(), ann("u"));
  await released({ u: 3, d: 2 });
  await rollbackComponent(deps(), ann("u"));
  await publish("u");
  expect((await releases()).at(-1)).toMatchObject({ composition: { u: 1, d: 2 }, pinned: ["u"] });
});

test("a released snapshot that is quarantined makes way for the newest sound one", async () => {
  world.start();
  await publish("u", "u", "d");
  const { quarantines } = world.backplane;
  const stamp = { version: 1, pipeline: "demo", evaluator: "e9", judgedAt: "" } as const;
  await quarantines.append({ ...stamp, component: "u", serial: 2, reason: "not-finite", detail: "by another one" });
  await released({ u: 1, d: 1 });
  // Also a pinned one, and it is not pinned any more.
  await publish("u");
  await pinComponent(deps(), ann("u"), 1);
  await quarantines.append({ ...stamp, component: "u", serial: 1, reason: "not-finite", detail: "by another one" });
  await released({ u: 3, d: 1 });
  expect((await releases()).at(-1)?.pinned).toEqual([]);
});

test("several evaluators write one sequence, and none of them undoes another's release", async () => {
  for (const name of ["e1", "e2", "e3"]) world.start({ name });
  for (let count = 0; count < 5; count++) await publish("u", "d", "u");
  await released({ u: 10, d: 5 });
  await world.clock.advance(60_000);
  const all = await releases();
  expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
  for (const [index, { composition }] of all.entries()) {
    const before = all[index - 1]?.composition ?? {};
    expect(composition).not.toEqual(before);
    for (const [name, serial] of Object.entries(before)) expect(composition[name]).toBeGreaterThanOrEqual(serial);
  }
});

test("a release that comes between the decision and the append is built upon", async () => {
  const { ledger } = world.backplane;
  let before = true;
  const append: typeof ledger.append = async (entry, after) => {
    if (entry.entry === "release" && entry.number === 2 && before) {
      before = false;
      const { value } = (await ledger.release()) ?? {};
      const pin = { kind: "pin", cause: { type: "person", by: "ann", reason: null }, pinned: ["u"] } as const;
      const content = { pipeline: "demo", at: "", composition: { u: 1 }, gate: null, previous: value };
      await appendRelease(world.backplane, { ...content, ...pin }, "u");
    }
    return ledger.append(entry, after);
  };
  world.start({}, { ...world.backplane, ledger: { ...ledger, append } });
  await publish("u", "d", "u");
  await released({ u: 1, d: 1 });
  expect(await releases()).toMatchObject([
    { composition: { u: 1 }, pinned: [] },
    { composition: { u: 1 }, pinned: ["u"], kind: "pin" },
    { composition: { u: 1, d: 1 }, pinned: ["u"], kind: "promote" },
  ]);
});

test("an evaluator whose pipeline file is not the one in force releases nothing until it is", async () => {
  const { registry, verdicts, pipelines } = world.backplane;
  await registry.publish(draft({ component: "u", contract: specs.u }), linearBytes({ weights: { x: 2 } }), "any");
  await verdicts.append(verdict("u", 1));
  const { digest } = await pipelines.apply(
    contentOf({ ...twoComponents, verdict: { minimumEffect: 0.5 } }),
    null,
    "ann",
  );
  world.start();
  await world.clock.advance(60_000);
  expect(await releases()).toEqual([]);
  await pipelines.apply(contentOf(twoComponents), digest, "ann");
  await released({ u: 1 });
});

test("under a gate that enforces, the baseline is the release, and no newer snapshot is put in use", async () => {
  const gate = { ...DEFAULT_GATE, mode: "enforce", hold: ["u", "d"] } as const;
  // Enough rows for each part.
  await world.close();
  world = openMemoryEvaluators();
  const before = world.start();
  await publish("u", "d");
  await before.evaluator.stop();
  world.start({ name: "e2", pipeline: { ...twoComponents, gate } });
  await publish("u", "d");
  await publish("u");
  const verdicts = await world.backplane.verdicts.list();
  for (const { comparison, release } of verdicts.slice(2)) {
    expect(comparison?.current).toEqual({ u: 1, d: 1 });
    expect(release).toBe(2);
  }
  expect((await compositions()).at(-1)).toEqual({ u: 1, d: 1 });
});

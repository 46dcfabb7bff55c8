import { afterEach, beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import type { Metrics } from "../../../services/runtime/metrics.ts";
import { component } from "../../helpers/linear-pipelines.ts";
import { openSharedWorld, type SharedWorld } from "../../helpers/shared-world.ts";

let world: SharedWorld;
beforeEach(async () => {
  world = openSharedWorld();
  await world.applyOwner();
  for (const x of [1.5, 2]) await world.publishOwner({ x });
  await world.releaseOwner(1);
});
afterEach(async () => {
  await world.close();
  await world.ads.close();
});

/** Component to value. */
async function gauge(metrics: Metrics): Promise<Readonly<Record<string, number>>> {
  const lines = (await metrics.text()).matchAll(/^uncouple_shared_component_linked\{.*component="(\w+)".*\} (\d)$/gm);
  return Object.fromEntries([...lines].map(([, name = "", value]) => [name, Number(value)]));
}
const isLinked = () => world.until(async () => (await world.linked()).length === 1);

test("the gauge is 1 with what the owner uses, and 0 while something prevents it", async () => {
  const { metrics } = world.start({ pipeline: world.using() });
  await isLinked();
  expect(await gauge(metrics)).toEqual({ u: 1 });
  await world.quarantineOwner(2, "the graph fails");
  await world.releaseOwner(2);
  await world.until(async () => (await gauge(metrics)).u === 0);
  await world.releaseOwner(1);
  await world.until(async () => (await gauge(metrics)).u === 1);
});

test("an owner that this account may not read is an obstacle for its own components only, and is tried again", async () => {
  let locked = true;
  const over: Backplane = {
    ...world.backplane,
    async neighbor(name) {
      if (name === "ads") return world.backplane.neighbor(name);
      if (locked) throw new UncoupleError("failed-precondition", `the account may not read pipeline ${name}`);
      return world.ads;
    },
  };
  const from = { pipeline: "locked", component: "u" };
  const [u, d] = world.using().components;
  if (u === undefined || d === undefined) throw new Error("two components");
  const pipeline = { ...world.using(), components: [component({ ...u, name: "v", from }), u, d] };
  const { metrics, records } = world.start({ pipeline }, over);
  await isLinked();
  expect(await gauge(metrics)).toEqual({ v: 0, u: 1 });
  expect(records.filter(({ component: of }) => of === "v")).toMatchObject([
    { reason: "the account may not read pipeline locked" },
  ]);
  locked = false;
  await world.clock.advance(60_000);
  await world.until(async () => (await gauge(metrics)).v === 1);
});

test("an evaluator that lost the lease no longer says whether anything is linked", async () => {
  const lost = new AbortController();
  let taken = 0;
  const leases: Backplane["leases"] = {
    ...world.backplane.leases,
    async acquire(name, holder, signal) {
      if (name !== "link") return world.backplane.leases.acquire(name, holder, signal);
      taken += 1;
      // From then on another evaluator has it.
      return taken === 1 ? { lost: lost.signal, release: async () => {} } : new Promise(() => {});
    },
  };
  const { metrics } = world.start({ pipeline: world.using() }, { ...world.backplane, leases });
  await isLinked();
  lost.abort(new UncoupleError("unavailable", "the lease is lost"));
  await world.until(async () => taken === 2);
  expect(await gauge(metrics)).toEqual({});
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import { contentOf } from "../../../services/pipeline/pipeline-content.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { sharedStatus } from "../../../services/releases/shared-status.ts";
import { openSharedWorld, type SharedWorld } from "../../helpers/shared-world.ts";

let world: SharedWorld;
beforeEach(async () => {
  world = openSharedWorld();
  await world.backplane.pipelines.apply(contentOf(world.using()), null, "ann");
});
afterEach(async () => {
  await world.close();
  await world.ads.close();
});
const status = async (store: Backplane = world.backplane) => Object.fromEntries(await sharedStatus("demo", store));
const says = (notLinked: string | null) => ({ u: { from: "ads/u", notLinked } });

test("each obstacle to a link has its reason, until the component has what its owner uses", async () => {
  expect(await status()).toEqual(
    says("pipeline ads has applied no pipeline file; run `uncouple pipeline lock`, and apply the file"),
  );
  await world.applyOwner();
  expect(await status()).toEqual(says("pipeline ads has released no snapshot of u yet"));
  for (const x of [1.5, 2]) await world.publishOwner({ x });
  await world.releaseOwner(1);
  expect(await status()).toEqual(says("no evaluator of demo has linked ads/u@1 yet"));
  world.start({ pipeline: world.using() });
  await world.until(async () => (await world.linked()).length === 1);
  expect(await status()).toEqual(says(null));
  await world.quarantineOwner(2, "the graph fails");
  await world.releaseOwner(2);
  expect(await status()).toEqual(says("ads/u@2 is quarantined by its owner"));
  await world.releaseOwner(1);
  expect(await status()).toEqual(says(null));
  await world.applyOwner({ target: "y" });
  expect(await status()).toEqual(
    says('`target` is "y" in pipeline ads, but "z" here; run `uncouple pipeline lock`, and apply the file'),
  );
});

test("an owner that cannot be read is a reason, too", async () => {
  const locked = new UncoupleError("failed-precondition", "the account of demo may not read pipeline ads");
  const neighbor: Backplane["neighbor"] = () => Promise.reject(locked);
  expect(await status({ ...world.backplane, neighbor })).toEqual(says(locked.message));
});

test("a pipeline without components of others has nothing to say", async () => {
  expect(Object.fromEntries(await sharedStatus("ads", world.ads))).toEqual({});
  await world.applyOwner();
  expect(Object.fromEntries(await sharedStatus("ads", world.ads))).toEqual({});
});

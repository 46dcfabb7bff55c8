import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { NO_OWNER } from "../../../services/registry/retention-index.ts";
import { appendRelease, type ReleaseDraft } from "../../../services/releases/append-release.ts";
import { draft, model, tombstone } from "../../helpers/drafts.ts";

let backplane: Backplane;
beforeEach(async () => {
  backplane = createMemoryBackplane("demo", { clock: createVirtualClock() });
  for (const component of ["u", "u", "d"]) await backplane.registry.publish(draft({ component }), model(1), "any");
});
afterEach(() => backplane.close());

const wanted = (change: Partial<ReleaseDraft>): ReleaseDraft => ({
  pipeline: "demo",
  at: "2026-01-01T00:00:00.000Z",
  composition: { u: 1 },
  previous: undefined,
  kind: "promote",
  cause: { type: "ungated" },
  pinned: [],
  gate: null,
  ...change,
});
const append = (change: Partial<ReleaseDraft>) => appendRelease(backplane, wanted(change), NO_OWNER);

test("releases are numbered, and one that was decided on an older release is not appended", async () => {
  const first = await append({});
  expect(first).toMatchObject({ entry: "release", number: 1, previous: null });
  const second = await append({ composition: { u: 2 }, previous: first });
  expect(second).toMatchObject({ number: 2, previous: 1, composition: { u: 2 } });
  expect(await append({ composition: { u: 1, d: 1 }, previous: first })).toBeUndefined();
  expect((await backplane.ledger.release())?.value).toEqual(second);
  expect((await backplane.retention.state()).pinned).toEqual([]);
});

test("a release with a deleted model is not appended", async () => {
  const { retention, ledger } = backplane;
  await retention.delete(tombstone("u", 1), (await retention.state()).position);
  await expect(append({ composition: { u: 1, d: 1 } })).rejects.toMatchObject({ code: "deleted" });
  expect(await ledger.release()).toBeUndefined();
});

test("a model that a release adds is not deleted by a collection that decided before", async () => {
  const { retention, ledger } = backplane;
  const { position } = await retention.state();
  let deleted: boolean | undefined;
  const racing: typeof ledger.append = async (entry, after) => {
    deleted = await retention.delete(tombstone("u", 2), position);
    return ledger.append(entry, after);
  };
  const released = await appendRelease(
    { retention, ledger: { ...ledger, append: racing } },
    wanted({ composition: { u: 2 } }),
    NO_OWNER,
  );
  expect(released).toMatchObject({ composition: { u: 2 } });
  expect(deleted).toBe(false);
  expect(await retention.delete(tombstone("u", 2), position)).toBe(false);
});

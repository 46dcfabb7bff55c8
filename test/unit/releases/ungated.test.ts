import { expect, test } from "vitest";
import { createSnapshotHistory, type SnapshotHistory } from "../../../services/composition/snapshot-history.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { ungatedRelease } from "../../../services/releases/ungated.ts";
import { release, verdict } from "../../helpers/drafts.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

/** Announced in the order u, d, u, d, ...; all judged but those named. */
function historyOf(counts: { readonly u: number; readonly d: number }, unjudged: readonly string[] = []) {
  const history = createSnapshotHistory();
  let position = 0;
  for (let serial = 1; serial <= Math.max(counts.u, counts.d); serial++) {
    for (const component of ["u", "d"] as const) {
      if (serial > counts[component]) continue;
      history.announced({ component, serial }, ++position);
      if (!unjudged.includes(`${component}@${serial}`)) history.judged(verdict(component, serial));
    }
  }
  return history;
}

const first = (history: SnapshotHistory, champions: Composition = {}) =>
  ungatedRelease(twoComponents, history, { release: undefined, champions });
const after = (history: SnapshotHistory, composition: Composition, pinned: readonly string[] = []) =>
  ungatedRelease(twoComponents, history, { release: release(7, { composition, pinned }), champions: { u: 1, d: 1 } });

test("nothing is released before anything is judged", () => {
  expect(first(historyOf({ u: 2, d: 1 }, ["u@1", "u@2", "d@1"]))).toBeUndefined();
});

test("the first release has the newest judged snapshots, and is founded", () => {
  expect(first(historyOf({ u: 3, d: 1 }, ["u@3"]))).toEqual({
    composition: { u: 2, d: 1 },
    pinned: [],
    kind: "promote",
    cause: { type: "founded" },
  });
});

test("the first release pins the champions of before, and waits until they are judged", () => {
  expect(first(historyOf({ u: 3, d: 2 }), { u: 1 })).toMatchObject({ composition: { u: 1, d: 2 }, pinned: ["u"] });
  expect(first(historyOf({ u: 3, d: 2 }, ["u@3"]), { u: 3 })).toBeUndefined();
  // Never used, because quarantined: the newest one is, as before the first release.
  const history = historyOf({ u: 3, d: 2 });
  history.quarantined({ component: "u", serial: 1 });
  expect(first(history, { u: 1, d: 9 })).toMatchObject({ composition: { u: 3, d: 2 }, pinned: [] });
});

test("a newer judged snapshot is released, and nothing where the release says so already", () => {
  const history = historyOf({ u: 3, d: 1 }, ["u@3"]);
  const newer = { composition: { u: 2, d: 1 }, pinned: [], kind: "promote", cause: { type: "ungated" } };
  expect(after(history, { u: 1, d: 1 })).toEqual(newer);
  expect(after(history, { u: 2, d: 1 })).toBeUndefined();
  expect(after(history, { u: 2 })).toEqual(newer);
});

test("pinned components stay until what they are pinned at is quarantined; the others go on", () => {
  const history = historyOf({ u: 3, d: 2 });
  expect(after(history, { u: 1, d: 1 }, ["u"])).toMatchObject({ composition: { u: 1, d: 2 }, pinned: ["u"] });
  history.quarantined({ component: "u", serial: 1 });
  expect(after(history, { u: 1, d: 2 }, ["u"])).toMatchObject({ composition: { u: 3, d: 2 }, pinned: [] });
});

test("a quarantined snapshot makes way for the newest sound one, or for none", () => {
  const history = historyOf({ u: 3, d: 1 });
  history.quarantined({ component: "u", serial: 3 });
  history.quarantined({ component: "d", serial: 1 });
  expect(after(history, { u: 3, d: 1 })).toMatchObject({ composition: { u: 2 }, cause: { type: "ungated" } });
});

test("nothing goes back to an older snapshot that this process has not seen replaced", () => {
  expect(after(historyOf({ u: 2, d: 1 }), { u: 3, d: 1 })).toBeUndefined();
});

test("a component that the pipeline file lacks stays as it is", () => {
  expect(after(historyOf({ u: 2, d: 1 }), { u: 1, d: 1, w: 4 })).toMatchObject({ composition: { u: 2, d: 1, w: 4 } });
});

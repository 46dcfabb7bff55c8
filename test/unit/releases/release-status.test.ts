import { expect, test } from "vitest";
import { createLedgerState } from "../../../services/releases/ledger-state.ts";
import { releaseStatus } from "../../../services/releases/release-status.ts";
import { decision, manifest, order, release } from "../../helpers/drafts.ts";
import { snapshots } from "../../helpers/release-world.ts";

const manifests = [
  ...[1, 2, 3, 4].map((serial) => manifest(serial)),
  ...[1, 2].map((serial) => manifest(serial, { component: "m2" })),
];

test("candidates are judged, sound and newer than what is in use, with the decision beside the newest release", () => {
  const state = createLedgerState();
  const held = decision({ m1: 3 }, { decision: "held", reasons: ["needs"], needs: ["m2"] });
  const entries = [
    release(1, { composition: { m1: 1, m2: 2 }, pinned: ["m2"] }),
    decision({ m1: 2 }, { release: 0, decision: "refused" }),
    held,
    order("hold", snapshots("m1@2")),
  ];
  entries.forEach((value, index) => {
    state.note({ position: index + 1, value });
  });
  const [m1, m2, m3] = releaseStatus({
    components: ["m1", "m2", "m3"],
    inUse: { m1: 1, m2: 2 },
    manifests,
    // m1@4 is not judged yet, or quarantined.
    verdicts: new Map([
      ["m1@1", "improved"],
      ["m1@2", "degraded"],
      ["m1@3", "self-defeating"],
      ["m2@1", "improved"],
      ["m2@2", "improved"],
    ]),
    state,
    shared: new Map([["m3", { from: "ads/u", notLinked: "ads/u@7 is quarantined by its owner" }]]),
  });
  expect(m1).toMatchObject({ component: "m1", inUse: 1, newest: 4, isPinned: false });
  expect(m1?.candidates).toMatchObject([
    // The decision about it is of an earlier release.
    { serial: 2, verdict: "degraded", decision: null, order: { verb: "hold" } },
    { serial: 3, verdict: "self-defeating", decision: held, order: null },
  ]);
  expect(m2).toEqual({ component: "m2", inUse: 2, newest: 2, isPinned: true, candidates: [] });
  expect(m3).toEqual({
    component: "m3",
    inUse: null,
    newest: null,
    shared: { from: "ads/u", notLinked: "ads/u@7 is quarantined by its owner" },
    isPinned: false,
    candidates: [],
  });
});

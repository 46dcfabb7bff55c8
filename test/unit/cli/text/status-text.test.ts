import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { type StatusReport, statusText } from "../../../../services/cli/text/status-text.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { CandidateStatus } from "../../../../services/releases/release-status.ts";
import { decision, order, release, served } from "../../../helpers/drafts.ts";

const style = createStyle(false);
const clock = createVirtualClock(Date.parse("2026-01-01T00:06:10.000Z"));
const candidate = (serial: number, change: Partial<CandidateStatus> = {}): CandidateStatus => ({
  serial,
  publishedAt: "2026-01-01T00:01:01.000Z",
  verdict: "improved",
  decision: null,
  order: null,
  ...change,
});
const report: StatusReport = {
  pipeline: "paper",
  gate: "enforce",
  release: release(13, { cause: { type: "decision", position: 6 } }),
  components: [
    {
      component: "m1",
      inUse: 2,
      newest: 4,
      isPinned: false,
      candidates: [
        candidate(3, { decision: decision({ m1: 3 }, { decision: "held", reasons: ["worse"], needs: ["m2"] }) }),
        candidate(4, { order: order("hold", [], { reason: "audit until Friday" }) }),
      ],
    },
    { component: "m2", inUse: null, newest: null, isPinned: true, candidates: [] },
  ],
  followers: [served("edge-1", 13), served("edge-2", 12)],
  evaluator: null,
  trainers: [],
};
const text = (change: Partial<StatusReport> = {}) => statusText({ ...report, ...change }, style, 80, clock);

const trainer: StatusReport["trainers"][number] = {
  pipeline: "paper",
  component: "m1",
  engine: "wasm",
  state: "training",
  run: "r",
  queued: 1,
  queueCapacity: 8,
  newest: 4,
  pipelineDigest: null,
  appliedDigest: null,
  version: null,
  problem: null,
};

test("status says what is in use, what waits with its reasons and age, and who serves it", () => {
  expect(text().split("\n")).toEqual([
    "paper release 13 for 3 min 10 s, the gate; gate: enforce",
    "",
    "COMPONENT  IN USE  NEWEST  PINNED",
    "m1         m1@2    m1@4    -",
    "m2         -       -       yes",
    "",
    "Candidates",
    "  m1@3 held: needs m2 retrained on it; the measure is worse, beyond the",
    "    margin, published 5 min 9 s ago",
    "  m1@4 not decided yet (verdict: improved); held by ann: audit until Friday,",
    "    published 5 min 9 s ago",
    "",
    "Followers",
    "  edge-1 serves release 13 for 2 min 10 s",
    "  edge-2 serves release 12 for 2 min 10 s; release 13 is out",
  ]);
});

test("without a release, candidates, followers or services, it is short", () => {
  const [component] = [{ component: "m1", inUse: 1, newest: 1, isPinned: false, candidates: [] }];
  expect(text({ release: null, gate: null, components: [component], followers: [] })).toBe(
    "paper no release yet; no gate\n\nCOMPONENT  IN USE  NEWEST  PINNED\nm1         m1@1    m1@1    -",
  );
});

test("only the newest candidates of a component are listed, and the others counted", () => {
  const candidates = [3, 4, 5, 6, 7, 8, 9].map((serial) => candidate(serial));
  const many = text({ components: [{ component: "m1", inUse: 2, newest: 9, isPinned: false, candidates }] });
  expect(many).toContain("  2 older of m1");
  expect(many).not.toContain("m1@4");
  expect(many).toContain("m1@5");
});

test("newer snapshots of a pinned component say why they are not used", () => {
  const pinned = { component: "m1", inUse: 2, newest: 3, isPinned: true, candidates: [candidate(3)] };
  expect(text({ gate: null, components: [pinned] })).toContain("m1@3 not used: the component is pinned");
});

test("an order says once who holds a candidate", () => {
  const held = decision({ m1: 3 }, { decision: "held", reasons: ["held-by-person"] });
  const candidates = [candidate(3, { decision: held, order: order("hold", [], { reason: "audit" }) })];
  const shown = text({ components: [{ component: "m1", inUse: 2, newest: 3, isPinned: false, candidates }] });
  expect(shown).toContain("m1@3 held; held by ann: audit");
});

test("the first snapshots of a component wait for its first release under a gate that enforces", () => {
  const missing = decision({ m1: 1 }, { decision: "held", reasons: ["missing"] });
  const first = {
    component: "m1",
    inUse: null,
    newest: 1,
    isPinned: false,
    candidates: [candidate(1, { decision: missing })],
  };
  expect(text({ components: [first] })).toContain("m1@1 waits for the first release of its component");
  expect(text({ components: [first], gate: "observe" })).toContain("m1@1 held: a loss to compare is missing");
});

test("a component of another pipeline that lacks what its owner uses is named, with the reason", () => {
  const m1 = { component: "m1", inUse: 1, newest: 1, isPinned: false, candidates: [] };
  const of = (notLinked: string | null) => text({ components: [{ ...m1, shared: { from: "ads/u", notLinked } }] });
  expect(of("ads/u@7 is quarantined by its owner")).toContain(
    "\n\nNot up to date with their owners\n  m1 ads/u: ads/u@7 is quarantined by its owner\n\nFollowers",
  );
  expect(of(null)).not.toContain("owners");
  // Who trains it is known before its first snapshot.
  const first = { ...m1, newest: null, shared: { from: "ads/u@7", notLinked: null } };
  const idle = { ...trainer, component: "m2" };
  expect(text({ components: [first], trainers: [idle] })).toMatch(/m1 +m1@1 +- +- +pipeline ads\n/);
});

test("services that answer are shown", () => {
  const shown = text({
    evaluator: {
      pipeline: "paper",
      evaluator: "e1",
      state: "idle",
      pending: 2,
      rows: 100,
      current: {},
      loss: 0.25,
      gaps: [],
      unreadable: [],
      pipelineDigest: null,
      appliedDigest: null,
      version: null,
      heldOut: null,
      release: null,
      gate: { mode: "enforce", questionsLeft: 1163, held: [] },
    },
    trainers: [trainer],
  });
  expect(shown).toContain("evaluator e1 is idle: 2 to judge, pipeline loss 0.25, questions left: 1,163");
  expect(shown).toMatch(/m1 +m1@2 +m1@4 +- +training, 1 queued\n/);
});

import { expect, test } from "vitest";
import { createStyle } from "../../../../services/cli/terminal/style.ts";
import { ageText } from "../../../../services/cli/text/age-text.ts";
import { movedText, noteMissing, releaseFacts, releaseTable } from "../../../../services/cli/text/release-text.ts";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { ReleaseCause } from "../../../../services/pipeline/release.ts";
import { causeText } from "../../../../services/releases/cause-text.ts";
import { release } from "../../../helpers/drafts.ts";

const style = createStyle(false);
const clock = createVirtualClock(Date.parse("2026-01-01T02:03:00.000Z"));

test.each<{ cause: ReleaseCause; text: string }>([
  { cause: { type: "founded" }, text: "what was in use when the ledger began" },
  { cause: { type: "ungated" }, text: "newest judged snapshots" },
  { cause: { type: "bootstrap" }, text: "first snapshot of its component (bootstrap: newest)" },
  { cause: { type: "decision", position: 7 }, text: "the gate" },
  { cause: { type: "quarantine", snapshot: { component: "m1", serial: 3 } }, text: "m1@3 was quarantined" },
  { cause: { type: "person", by: "ada", reason: null }, text: "ada" },
  { cause: { type: "person", by: "ada", reason: "passed the audit" }, text: "ada: passed the audit" },
])("the cause of a release in words: $text", ({ cause, text }) => {
  expect(causeText({ cause })).toBe(text);
});

test("what moved names every component once: moved, new or removed; and what is pinned now", () => {
  const used = (composition: Readonly<Record<string, number>>, ...pinned: readonly string[]) => ({
    composition,
    pinned,
  });
  expect(movedText(used({ m1: 1, m2: 3, m4: 1 }), used({ m1: 2, m2: 3, m3: 1 }))).toBe(
    "m1@1 -> m1@2, m3@1 new, m4@1 removed",
  );
  expect(movedText(used({ m1: 1 }, "m1"), used({ m1: 1 }, "m2"))).toBe("m2 pinned, m1 unpinned");
  expect(movedText(used({ m1: 1 }), used({ m1: 1 }))).toBe("nothing");
  expect(movedText(undefined, used({ m1: 1 }))).toBe("m1@1 new");
});

test("a release says who, why, what and since when", () => {
  const cause = { type: "person", by: "ada", reason: "incident 31", overrides: ["freeze", "held"] } as const;
  const made = release(13, {
    composition: { m2: 4, m1: 2 },
    kind: "pin",
    pinned: ["m1"],
    gate: "ab".repeat(32),
    cause,
  });
  expect(releaseFacts(made, { composition: { m1: 1, m2: 4 }, pinned: [] }, style, clock)).toEqual([
    "release   13, pin",
    "by        ada: incident 31 (overrides: freeze, held)",
    "moved     m1@1 -> m1@2, m1 pinned",
    "in use    m1@2, m2@4",
    "pinned    m1",
    "gate      abababababab",
    "since     2026-01-01T00:03:00.000Z, 2 h 0 min ago",
  ]);
});

test("a table shows the newest last, and what each one moved although the one before is not shown", () => {
  const releases = [1, 2, 3].map((number) => release(number));
  const table = releaseTable(releases, 2, style, Number.POSITIVE_INFINITY);
  expect(table).toBe(
    [
      "RELEASE  KIND     MOVED         BY                       TIME",
      "      2  promote  m1@1 -> m1@2  newest judged snapshots  2026-01-01T00:03:00.000Z",
      "      3  promote  m1@2 -> m1@3  newest judged snapshots  2026-01-01T00:03:00.000Z",
      "",
    ].join("\n"),
  );
});

test("an incomplete release says what it lacks", () => {
  const notes: string[] = [];
  noteMissing([], (text) => notes.push(text));
  noteMissing(["m2", "m3"], (text) => notes.push(text));
  expect(notes).toEqual(["the release is incomplete: no snapshot of m2, m3 is in use; promote one of each"]);
});

test.each([
  ["2026-01-01T02:03:00.000Z", "0.0 s"],
  // Of a clock that is ahead.
  ["2026-01-01T02:04:00.000Z", "0.0 s"],
  ["2026-01-01T02:00:55.000Z", "2 min 5 s"],
  ["2025-12-31T02:04:00.000Z", "23 h 59 min"],
  ["2025-12-20T02:03:00.000Z", "12 days"],
])("%s was %s ago", (since, age) => {
  expect(ageText(since, clock)).toBe(age);
});

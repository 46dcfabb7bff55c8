import { describe, expect, test } from "vitest";
import { type LiveLogs, type LoggedAnnouncement, reconcile } from "../../../../services/simulator/live/reconcile.ts";

const at = "2026-01-01T00:00:00.000Z";

/** Snapshots a@1, a@2 and b@1, each of one run and with one verdict. */
const NAMES = [
  ["a", 1],
  ["a", 2],
  ["b", 1],
] as const;
const entries = () =>
  NAMES.map(([component, serial], index) => ({ position: index + 1, component, serial, isReadable: true, at }));
const sound = (): { -readonly [Log in keyof LiveLogs]: LiveLogs[Log] } => ({
  announcements: entries().map((entry) => ({ ...entry, runId: `run-${entry.component}${entry.serial}` })),
  verdicts: entries(),
  quarantines: [],
});
const runs = NAMES.map(([component, serial]) => ({
  id: `run-${component}${serial}`,
  component,
  state: "succeeded" as const,
}));
const found = (logs: LiveLogs, of = runs as Parameters<typeof reconcile>[0]) =>
  reconcile(of, logs).map(({ kind, what, of: name }) => `${kind} ${what}: ${name}`);

test("finds nothing where every run has one snapshot, and every snapshot one verdict", () => {
  expect(found(sound())).toEqual([]);
});

test("a quarantine takes the place of a verdict, or follows it", () => {
  const logs = sound();
  const [first, second] = entries();
  logs.quarantines = [first, second] as typeof logs.quarantines;
  logs.verdicts = logs.verdicts.slice(1);
  expect(found(logs)).toEqual([]);
});

describe("finds what was planted", () => {
  const planted: readonly (readonly [string, (logs: ReturnType<typeof sound>) => void, readonly string[]])[] = [
    ["a lost verdict", (logs) => (logs.verdicts = logs.verdicts.slice(0, 2)), ["lost verdict: b@1"]],
    [
      "a doubled verdict",
      (logs) => (logs.verdicts = [...logs.verdicts, { ...(entries()[1] as (typeof logs.verdicts)[0]), position: 9 }]),
      ["doubled verdict: a@2"],
    ],
    [
      "a doubled quarantine",
      (logs) => (logs.quarantines = [...entries().slice(0, 1), ...entries().slice(0, 1)]),
      ["doubled quarantine: a@1"],
    ],
    [
      "a lost snapshot, whose serial is free",
      (logs) => {
        logs.announcements = logs.announcements.slice(0, 2);
        logs.verdicts = logs.verdicts.slice(0, 2);
      },
      ["lost snapshot: run run-b1 of b"],
    ],
    [
      "a gap in the serials",
      (logs) => {
        logs.announcements = logs.announcements.slice(1);
        logs.verdicts = logs.verdicts.slice(1);
      },
      ["lost snapshot: run run-a1 of a", "lost serial: a@1"],
    ],
    [
      "a run that announced twice",
      (logs) => {
        const again = { ...(logs.announcements[1] as LoggedAnnouncement), serial: 3, position: 9 };
        logs.announcements = [...logs.announcements, again];
        logs.verdicts = [...logs.verdicts, again];
      },
      ["doubled snapshot: run run-a2 of a"],
    ],
    [
      "a serial that was used twice",
      (logs) => {
        const again = { ...(logs.announcements[1] as LoggedAnnouncement), runId: "run-x", position: 9 };
        logs.announcements = [...logs.announcements, again];
      },
      ["doubled serial: a@2"],
    ],
    [
      "a verdict on nothing",
      (logs) => (logs.verdicts = [...logs.verdicts, { position: 9, component: "c", serial: 1, isReadable: true, at }]),
      ["stray verdict: c@1"],
    ],
    [
      "a message that cannot be read",
      (logs) => (logs.verdicts = logs.verdicts.map((one, i) => (i === 0 ? { ...one, isReadable: false } : one))),
      ["stray message: 1 of the verdicts"],
    ],
  ];
  test.each(planted)("%s", (_, plant, expected) => {
    const logs = sound();
    plant(logs);
    expect(found(logs)).toEqual(expected);
  });

  test("a snapshot of a run that failed", () => {
    const failed = runs.map((run) => (run.id === "run-b1" ? { ...run, state: "failed" as const } : run));
    expect(found(sound(), failed)).toEqual(["stray snapshot: failed run run-b1 of b"]);
  });
});

test("a run that failed needs no snapshot", () => {
  expect(found(sound(), [...runs, { id: "run-9", component: "b", state: "failed" }])).toEqual([]);
});

import { expect, test } from "vitest";
import { createLogFollower } from "../../../../services/cli/live/log-follower.ts";
import type { SnapshotManifest } from "../../../../services/pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../../../services/pipeline/verdict.ts";
import type { RawLogs, RawMessage } from "../../../../services/registry/jetstream/raw-logs.ts";

/** Streams that grow. */
function streams() {
  const kept = {
    announcements: [] as RawMessage<SnapshotManifest>[],
    verdicts: [] as RawMessage<Verdict>[],
    quarantines: [] as RawMessage<Quarantine>[],
  };
  const read =
    <T extends { readonly position: number }>(messages: readonly T[]) =>
    async (from: number) =>
      messages.filter(({ position }) => position >= from);
  const raw: RawLogs = {
    announcements: read(kept.announcements),
    verdicts: read(kept.verdicts),
    quarantines: read(kept.quarantines),
    close: async () => {},
  };
  return { kept, raw };
}

const place = (serial: number) => ({ position: serial, component: "m1", serial });
const announce = (serial: number) => ({
  ...place(serial),
  value: { runId: `run-${serial}`, publishedAt: "2026-01-01T00:00:00.000Z" } as SnapshotManifest,
});
const judge = (serial: number, position = serial) => ({
  ...place(serial),
  position,
  value: { kind: "improved", judgedAt: "2026-01-01T00:00:01.000Z" } as Verdict,
});

test("takes each message once, whenever it comes, and knows what is not judged yet", async () => {
  const { kept, raw } = streams();
  const follower = createLogFollower(raw);
  await follower.catchUp();
  expect(follower.unjudged()).toBe(0);
  kept.announcements.push(announce(1), announce(2));
  kept.verdicts.push(judge(1));
  await follower.catchUp();
  expect(follower.unjudged()).toBe(1);
  await follower.catchUp();
  kept.announcements.push(announce(3));
  kept.quarantines.push({ ...place(2), position: 1, value: { judgedAt: "2026-01-01T00:00:01.000Z" } as Quarantine });
  kept.verdicts.push(judge(1, 2));
  await follower.catchUp();
  expect(follower.unjudged()).toBe(1);
  const { announcements, verdicts, quarantines } = follower.logs();
  expect(announcements.map(({ serial, runId }) => [serial, runId])).toEqual([
    [1, "run-1"],
    [2, "run-2"],
    [3, "run-3"],
  ]);
  expect(verdicts.map(({ serial, position }) => [serial, position])).toEqual([
    [1, 1],
    [1, 2],
  ]);
  expect(quarantines.length).toBe(1);
  expect(follower.kinds()).toEqual({ improved: 2 });
});

test("takes each message once when several ask at a time", async () => {
  const { kept, raw } = streams();
  kept.announcements.push(announce(1));
  kept.verdicts.push(judge(1));
  const follower = createLogFollower(raw);
  await Promise.all([follower.catchUp(), follower.catchUp(), follower.catchUp()]);
  expect([follower.logs().announcements.length, follower.logs().verdicts.length]).toEqual([1, 1]);
});

test("goes on after a read that failed", async () => {
  const { kept, raw } = streams();
  let isAway = true;
  const away: RawLogs = {
    ...raw,
    announcements: (from) => (isAway ? Promise.reject(new Error("away")) : raw.announcements(from)),
  };
  kept.announcements.push(announce(1));
  kept.verdicts.push(judge(1));
  const follower = createLogFollower(away);
  await expect(follower.catchUp()).rejects.toThrow("away");
  isAway = false;
  await follower.catchUp();
  expect([follower.logs().announcements.length, follower.logs().verdicts.length]).toEqual([1, 1]);
});

test("keeps a message that cannot be read, so that a check finds it", async () => {
  const { kept, raw } = streams();
  kept.verdicts.push({ ...place(1), value: undefined });
  const follower = createLogFollower(raw);
  await follower.catchUp();
  expect(follower.logs().verdicts).toEqual([{ ...place(1), isReadable: false, at: undefined }]);
});

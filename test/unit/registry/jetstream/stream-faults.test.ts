import { describe, expect, test } from "vitest";
import type { StreamConfig } from "../../../../services/registry/jetstream/stream-api.ts";
import { type StreamKind, streamConfigs } from "../../../../services/registry/jetstream/stream-config.ts";
import { streamFaults } from "../../../../services/registry/jetstream/stream-faults.ts";
import { namesOf } from "../../../../services/registry/jetstream/streams.ts";

const wanted = streamConfigs(namesOf("demo"));
const kinds = Object.keys(wanted) as StreamKind[];
const faults = (kind: StreamKind, change: Readonly<Record<string, unknown>>) =>
  streamFaults(kind, wanted[kind], { ...wanted[kind], ...change } as StreamConfig);

describe.each(kinds)("%s", (kind) => {
  test("has no fault as this version creates it, on a server that fills in its defaults", () => {
    const defaults = { max_age: 0, max_msgs: -1, max_bytes: -1, max_msg_size: -1, max_consumers: -1, num_replicas: 3 };
    expect(faults(kind, defaults)).toEqual([]);
    expect(faults(kind, { compression: "s2", placement: { cluster: "c" }, description: "ours" })).toEqual([]);
  });

  test.each([
    [{ storage: "memory" }, "is kept in memory, which a restart of the server loses", null],
    [{ retention: "workqueue" }, "deletes messages that were read", null],
    [{ sealed: true }, "is sealed and takes no messages", null],
    [{ mirror: { name: "other" } }, "mirrors another stream and takes no messages of its own", null],
    [{ max_age: 60e9 }, "deletes messages older than 60 s", "max_age: 0"],
    [{ no_ack: true }, "does not acknowledge messages", "no_ack: false"],
  ] as const)("%o is serious", (change, what, set) => {
    expect(faults(kind, change)).toEqual([{ serious: true, what, set }]);
  });

  test("a limit deletes messages only if it discards old ones", () => {
    const limited = { max_bytes: 1_000, max_msgs: 10 };
    const found = faults(kind, { ...limited, discard: "old" }).map(({ what }) => what);
    expect(found).toEqual(
      expect.arrayContaining([
        "deletes its oldest messages from 10 messages on",
        "deletes its oldest messages from 1000 bytes on",
      ]),
    );
    const refusing = faults(kind, { ...limited, discard: "new" });
    expect(refusing.filter(({ serious }) => serious)).toEqual([]);
  });

  test("a rollup header must not delete messages", () => {
    expect(faults(kind, { allow_rollup_hdrs: true })).toEqual([
      { serious: false, what: expect.stringContaining("delete all of it"), set: "allow_rollup_hdrs: false" },
    ]);
  });
});

test("the stream of announcements of version 0.1.0 takes several of one serial", () => {
  const first = { max_msgs_per_subject: -1, discard: "old", discard_new_per_subject: undefined };
  expect(faults("snapshots", first)).toMatchObject([{ serious: false, what: expect.stringContaining("one serial") }]);
  // Without its partner, the limit deletes announcements instead of refusing them.
  expect(faults("snapshots", { discard_new_per_subject: false })).toHaveLength(1);
});

test("logs keep all messages of a subject, and records only the newest", () => {
  expect(faults("verdicts", { max_msgs_per_subject: 5 })).toMatchObject([{ serious: true }]);
  expect(faults("tombstones", { max_msgs_per_subject: -1 })).toMatchObject([{ serious: false }]);
});

test("verdicts of version 0.1.0, which refuse to delete messages, are no fault", () => {
  expect(faults("verdicts", { deny_delete: true })).toEqual([]);
  expect(faults("snapshots", { deny_delete: false, deny_purge: false })).toHaveLength(2);
});

test("the model store must take chunks and serve them", () => {
  expect(faults("models", { max_msg_size: 100_000 })).toMatchObject([{ serious: true }]);
  expect(faults("models", { max_msg_size: 1_000_000 })).toEqual([]);
  expect(faults("models", { allow_direct: false })).toMatchObject([{ serious: true, set: "allow_direct: true" }]);
  expect(faults("models", { subjects: ["$O.uncouple-demo-models.C.>"] })).toMatchObject([
    { serious: true, what: "does not take $O.uncouple-demo-models.M.>" },
  ]);
});

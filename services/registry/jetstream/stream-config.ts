import type { LogKind } from "../usage.ts";
import type { StreamConfig } from "./stream-api.ts";

/** The streams of a pipeline. */
export type StreamKind = LogKind | "models";

/** The name and the subject prefix of each stream. */
type StreamNames = Readonly<Record<StreamKind, { readonly stream: string; readonly subject: string }>>;

const SHARED = { storage: "file", retention: "limits", max_age: 0, allow_direct: true };

/**
 * A subject takes one announcement: the server refuses a second one, also from a version that cannot read the first and
 * would announce its own under the same serial. Version 0.1.0 created its streams without this rule.
 */
export const ONE_PER_SUBJECT = { max_msgs_per_subject: 1, discard: "new", discard_new_per_subject: true };

/** An object store bucket (NATS ADR-20): the `nats` tool reads it. */
export function bucketConfig({ stream, subject }: { readonly stream: string; readonly subject: string }): StreamConfig {
  return { ...SHARED, name: stream, subjects: [`${subject}.C.>`, `${subject}.M.>`], discard: "new" };
}

/** The configuration of each stream as this version creates it, without replicas and without the size of the model store. */
export function streamConfigs(names: StreamNames): Readonly<Record<StreamKind, StreamConfig>> {
  const log = (kind: LogKind): StreamConfig => {
    const { stream, subject } = names[kind];
    return { ...SHARED, name: stream, subjects: [`${subject}.>`], deny_delete: true, deny_purge: true };
  };
  /** Compaction deletes messages. */
  const compacted = (kind: LogKind): StreamConfig => ({ ...log(kind), deny_delete: false });
  const { models, leases } = names;
  return {
    snapshots: { ...log("snapshots"), ...ONE_PER_SUBJECT },
    pipelines: log("pipelines"),
    releases: log("releases"),
    aliases: compacted("aliases"),
    verdicts: compacted("verdicts"),
    quarantines: compacted("quarantines"),
    // A record of pins replaces the one before on its subject. A snapshot has one tombstone.
    tombstones: { ...log("tombstones"), max_msgs_per_subject: 1 },
    models: bucketConfig(models),
    // A key-value bucket (NATS ADR-8): the `nats` tool reads it.
    leases: {
      ...SHARED,
      name: leases.stream,
      subjects: [`${leases.subject}.>`],
      discard: "new",
      max_msgs_per_subject: 1,
      deny_delete: true,
    },
  };
}

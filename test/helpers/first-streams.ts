import { RetentionPolicy, StorageType } from "nats";
import type { RawNats } from "./raw-nats.ts";

/** Creates the compacted logs of a pipeline as versions before compaction did: their messages can never be deleted. */
export async function createFirstStreams({ jsm }: RawNats, pipeline: string): Promise<void> {
  for (const kind of ["verdicts", "quarantines", "aliases"]) {
    await jsm.streams.add({
      name: `uncouple-${pipeline}-${kind}`,
      subjects: [`uncouple.${pipeline}.${kind}.>`],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      max_age: 0,
      allow_direct: true,
      deny_delete: true,
      deny_purge: true,
    });
  }
}

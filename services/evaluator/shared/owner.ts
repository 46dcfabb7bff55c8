import type { Notifier } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import type { UncoupleError } from "../../common/errors.ts";
import { createFollowedLog } from "../../composition/followed-log.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Quarantine } from "../../pipeline/verdict.ts";
import type { Neighbor } from "../../registry/backplane.ts";

/** Another pipeline, whose components this one uses. */
export interface Owner {
  readonly name: string;
  readonly store: Neighbor;
  /** Its quarantine of a snapshot, as of the last entry that this process has seen. */
  quarantine(snapshot: SnapshotId): Quarantine | undefined;
}

export interface OwnerDeps {
  readonly clock: Clock;
  /** Called when a watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
}

/** Follows a pipeline until the signal aborts, and notifies of everything that may concern those who use its components. */
export function followOwner(
  name: string,
  store: Neighbor,
  changed: Pick<Notifier, "notify">,
  { clock, onError }: OwnerDeps,
  signal: AbortSignal,
): Owner {
  const quarantined = new Map<string, Quarantine>();
  const follow = <E extends { readonly position: number }>(
    what: string,
    watch: (from: number, signal: AbortSignal) => AsyncIterable<E>,
    note: (entry: E) => void = () => {},
  ) => {
    const noteAndNotify = (entry: E) => {
      note(entry);
      changed.notify();
    };
    void createFollowedLog<E>({ what: `${what} of ${name}`, clock, onError, watch, note: noteAndNotify }).follow(
      signal,
    );
  };
  follow("pipeline files", store.pipelines.watch);
  follow("releases", store.ledger.watch);
  follow("quarantines", store.quarantines.watch, ({ value }) => quarantined.set(snapshotName(value), value));
  return {
    name,
    store,
    quarantine: (snapshot) => quarantined.get(snapshotName(snapshot)),
  };
}

import { restartForever } from "../common/async/restart-forever.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Announcement, Registry } from "../registry/registry.ts";

/** The newest announcement of each component that this process has seen. It can lag behind the registry. */
export interface AnnouncementView {
  newest(component: string): SnapshotManifest | undefined;
  /** Follows the registry until the signal aborts. A failed watch restarts where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

export interface AnnouncementViewDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  /** Called when a watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
  /** Called for each announcement, in order, starting with the first in the store. */
  onAnnouncement(announcement: Announcement): void;
}

export function createAnnouncementView(deps: AnnouncementViewDeps): AnnouncementView {
  const { registry, clock } = deps;
  const newest = new Map<string, SnapshotManifest>();
  return {
    newest: (component) => newest.get(component),
    async follow(signal) {
      let next = 0;
      const watch = async () => {
        for await (const announcement of registry.watch(next, signal)) {
          next = announcement.position + 1;
          newest.set(announcement.manifest.component, announcement.manifest);
          deps.onAnnouncement(announcement);
        }
      };
      const onError = (error: UncoupleError) => deps.onError("watching announcements", error);
      await restartForever({ clock, signal, onError }, watch);
    },
  };
}

import { restartForever } from "../common/async/restart-forever.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Announcement, Registry } from "../registry/registry.ts";
import type { Logger } from "../runtime/logs.ts";

/** The newest announcement of every component, as this process has heard of it; it can lag, and asks nobody. */
export interface AnnouncementView {
  newest(component: string): SnapshotManifest | undefined;
  /** Follows the registry until the signal aborts; a watch that fails is begun again where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

/**
 * @param deps `onLost` is told when the store that the announcements are in was replaced
 * @param onAnnouncement told of each, from the first there ever was, in order
 */
export function createAnnouncementView(
  registry: Registry,
  deps: { readonly log: Logger; readonly onLost: (error: UncoupleError) => void },
  onAnnouncement: (announcement: Announcement) => void,
): AnnouncementView {
  const newest = new Map<string, SnapshotManifest>();
  return {
    newest: (component) => newest.get(component),
    async follow(signal) {
      let next = 0;
      const watch = async () => {
        for await (const announcement of registry.watch(next, signal)) {
          next = announcement.position + 1;
          newest.set(announcement.manifest.component, announcement.manifest);
          onAnnouncement(announcement);
        }
      };
      await restartForever(watch, signal, (error) => {
        if (error.code === "data-loss") deps.onLost(error);
        else deps.log.warn({ error }, `watching announcements: ${error.message}; trying again`);
      });
    },
  };
}

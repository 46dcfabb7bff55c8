import { setTimeout as sleep } from "node:timers/promises";
import { asUncoupleError } from "../pipeline/errors.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Announcement, Registry } from "../registry/registry.ts";
import type { Log } from "../runtime/logs.ts";

/** The newest announcement of every component, as this process has heard of it; it can lag, and asks nobody. */
export interface AnnouncementView {
  newest(component: string): SnapshotManifest | undefined;
  /** Follows the registry until the signal aborts; a watch that fails is begun again where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

const AGAIN_AFTER_MS = 1_000;

/** @param onAnnouncement told of each, from the first there ever was, in order */
export function createAnnouncementView(
  registry: Registry,
  log: Log,
  onAnnouncement: (announcement: Announcement) => void,
): AnnouncementView {
  const newest = new Map<string, SnapshotManifest>();
  return {
    newest: (component) => newest.get(component),
    async follow(signal) {
      let next = 0;
      while (!signal.aborted) {
        try {
          for await (const announcement of registry.watch(next, signal)) {
            next = announcement.position + 1;
            newest.set(announcement.manifest.component, announcement.manifest);
            onAnnouncement(announcement);
          }
        } catch (thrown) {
          if (signal.aborted) return;
          const error = asUncoupleError(thrown);
          log.warn({ error }, `watching announcements: ${error.message}; trying again`);
        }
        await sleep(AGAIN_AFTER_MS, undefined, { signal }).catch(() => {});
      }
    },
  };
}

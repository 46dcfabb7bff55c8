import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { aliasesAfter, checkAlias, rollbackTarget } from "../alias-history.ts";
import { checkDraft, checkName } from "../names.ts";
import type { AliasChange, Registry } from "../registry.ts";
import { alreadyPublished, checkParent, createSnapshotIndex, findSnapshot, notPublished } from "../snapshot-index.ts";
import { frozen, type MemoryLog } from "./log.ts";

/** A registry over a log of announcements of which it is the only writer. */
export function createMemoryRegistry(
  pipeline: string,
  announcements: MemoryLog<SnapshotManifest>,
  clock: Clock,
): Registry {
  const ledger = createSnapshotIndex();
  /** By `component@serial`. */
  const models = new Map<string, Uint8Array>();
  const aliasLogs = new Map<string, AliasChange[]>();

  const logOf = (component: string) => {
    checkName("component", component);
    const log = aliasLogs.get(component) ?? [];
    aliasLogs.set(component, log);
    return log;
  };
  const change = (component: string, alias: string, kind: AliasChange["kind"], serial: number | null, by: string) => {
    const log = logOf(component);
    const previous = aliasesAfter(log)[alias] ?? null;
    const made = frozen({ component, alias, kind, serial, previous, by, at: timestamp(clock) });
    log.push(made);
    return made;
  };
  const find = (component: string, serial: number) => findSnapshot(ledger, component, serial);

  return {
    async publish(draft, bytes, parent, signal) {
      checkDraft(pipeline, draft, bytes);
      const stored = bytes.slice();
      const digest = await sha256(stored);
      if (signal?.aborted) throw notPublished(draft);
      // Nothing awaits from here on, so contenders take their serials one after the other.
      const published = alreadyPublished(ledger, draft.component, draft.runId, digest);
      if (published !== undefined) return published;
      const newest = ledger.latest(draft.component)?.serial ?? null;
      checkParent(draft.component, newest, parent);
      const manifest = frozen<SnapshotManifest>({
        ...draft,
        version: 2,
        serial: ledger.next(draft.component),
        parent: newest,
        digest,
        size: stored.length,
        publishedAt: timestamp(clock),
      });
      models.set(snapshotName(manifest), stored);
      const { component, serial } = manifest;
      ledger.take({ position: announcements.append(manifest), component, serial }, { manifest });
      return manifest;
    },
    async manifest(component, serial) {
      return find(component, serial);
    },
    async latest(component) {
      return ledger.latest(component);
    },
    async bytes(manifest, signal) {
      signal?.throwIfAborted();
      find(manifest.component, manifest.serial);
      const model = models.get(snapshotName(manifest));
      const digest = model && (await sha256(model));
      if (model === undefined || model.length !== manifest.size || digest !== manifest.digest) {
        throw new UncoupleError(
          "data-loss",
          `${snapshotName(manifest)}: ${model?.length} bytes with SHA-256 ${digest} are stored, its manifest says ${manifest.size} with ${manifest.digest}`,
        );
      }
      return model.slice();
    },
    async list(component) {
      return ledger.list(component);
    },
    async unreadable(component) {
      return ledger.unreadable(component);
    },
    async *watch(from, signal) {
      for await (const { position, value } of announcements.watch(from, signal)) yield { position, manifest: value };
    },
    async aliases(component) {
      return aliasesAfter(logOf(component));
    },
    async setAlias(component, alias, serial, expected, by) {
      checkName("alias", alias);
      checkAlias(logOf(component), component, alias, expected);
      if (serial !== null) find(component, serial);
      return change(component, alias, "set", serial, by);
    },
    async aliasLog(component) {
      return [...logOf(component)];
    },
    async rollback(component, alias, by) {
      checkName("alias", alias);
      return change(component, alias, "rollback", rollbackTarget(logOf(component), component, alias), by);
    },
  };
}
